/**
 * The service on Deno and on Deno Deploy, as a program or under `deno serve`.
 *
 * @module
 */
import type { Fetch, Host, HostProgram, Listening } from "../host.ts";
import type { ThreadScope } from "../inference_thread.ts";
import { readVariable } from "../settings.ts";
import { upgradeOnDeno } from "../web_socket.ts";
import { webWorker } from "../web_worker.ts";
import { filesBeside } from "./_deno_files.ts";

/** Deno says that an answer is sent when all of it is taken, just before it is written, in milliseconds. */
const FLUSH_MS = 10;
/** What Deno Deploy gives an app that asks for nothing else. */
const DEPLOY_BYTES = 512 * 2 ** 20;

/**
 * This host.
 *
 * @param code `import.meta.url` of the module that holds the service.
 */
export function hostOf(code: string): Host {
  const isDeploy = readVariable("DENO_DEPLOYMENT_ID") !== undefined;
  return {
    name: isDeploy ? "Deno Deploy" : "Deno",
    files: (folder) => filesBeside(folder, code),
    variable: readVariable,
    upgradeWebSocket: upgradeOnDeno,
    ...isDeploy && { memoryLimitBytes: DEPLOY_BYTES },
    ...typeof Worker !== "undefined" && {
      threads: { starter: (name) => webWorker(code, name), scope: scopeNamed },
    },
    program: PROGRAM,
  };
}

/** A worker knows its name. */
function scopeNamed(name: string): ThreadScope | undefined {
  const scope = globalThis as unknown as ThreadScope & { name?: string };
  return scope.name === name ? scope : undefined;
}

const PROGRAM: HostProgram = {
  listen: (fetch, { port, hostname }) => {
    const address = { ...port !== undefined && { port }, ...hostname && { hostname } };
    return Promise.resolve(Deno.serve(address, fetch));
  },
  served,
  onSignal: (called) => {
    Deno.addSignalListener("SIGINT", called);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", called);
  },
  exit: (code) => Deno.exit(code),
};

/** `deno serve` goes on while there are threads, so that the service has to know when its answers have been sent. */
function served(fetch: Fetch): Listening & { fetch: Fetch } {
  const open = new Set<Promise<void>>();
  return {
    fetch: (request, client) => {
      const sent = client?.completed?.catch(() => {}).finally(() => open.delete(sent!));
      if (sent) open.add(sent);
      return fetch(request, client);
    },
    shutdown: async () => {
      await Promise.all(open);
      await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
    },
  };
}
