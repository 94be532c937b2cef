/**
 * Threads of hosts with Node's workers.
 *
 * @module
 */
import { parentPort, Worker, workerData } from "node:worker_threads";
import type { HostThreads } from "../host.ts";
import type { ThreadScope } from "../inference_thread.ts";
import type { StartThread } from "../threaded_classifier.ts";

/**
 * Threads that run a module once more.
 *
 * @param code its address.
 */
export function nodeThreads(code: string): HostThreads {
  return { starter: (name) => starter(code, name), scope };
}

function starter(code: string, name: string): StartThread {
  return (listener) => {
    const worker = new Worker(new URL(code), { workerData: name });
    let hasEnded = false;
    const broke = (reason: string) => {
      if (!hasEnded) listener.broke(reason);
      hasEnded = true;
    };
    worker.on("message", (message) => listener.said(message));
    worker.on("messageerror", () => broke("a message could not be read"));
    worker.on("error", (error) => broke(error.message));
    worker.on("exit", () => broke("its thread ended"));
    return {
      post: (message, transfer) => worker.postMessage(message, transfer as ArrayBuffer[]),
      end: () => {
        hasEnded = true;
        worker.terminate();
      },
    };
  };
}

/** Looks like the scope of a worker of the web. */
function scope(name: string): ThreadScope | undefined {
  if (parentPort === null || workerData !== name) return undefined;
  const port = parentPort;
  const scope: ThreadScope = {
    onmessage: null,
    postMessage: (message) => port.postMessage(message),
  };
  port.on("message", (data) => scope.onmessage?.({ data } as MessageEvent));
  return scope;
}
