/**
 * Threads of hosts that have the workers of the web: Deno, Bun, browsers.
 *
 * @module
 */
import type { StartThread } from "./threaded_classifier.ts";

/**
 * How a worker of a module is started.
 *
 * @param module answers the questions of `threadedClassifier`.
 * @param name the worker's, by which a module can tell that it is one.
 */
export function webWorker(module: URL | string, name: string): StartThread {
  return (listener) => {
    const worker = new Worker(module, { type: "module", name });
    worker.onmessage = ({ data }) => listener.said(data);
    worker.onmessageerror = () => listener.broke("a message could not be read");
    worker.onerror = (event) => {
      event.preventDefault();
      listener.broke(event.message || "its thread ended");
    };
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      end: () => worker.terminate(),
    };
  };
}
