/**
 * The service on Deno and on Deno Deploy, as a program or under `deno serve`.
 *
 * @module
 */
import type { Host, HostProgram } from "../host.ts";
import type { ThreadScope } from "../inference_thread.ts";
import { readVariable } from "../settings.ts";
import { upgradeOnDeno } from "../web_socket.ts";
import { webWorker } from "../web_worker.ts";
import { filesBeside } from "./_deno_files.ts";

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
  onSignal: (called) => {
    Deno.addSignalListener("SIGINT", called);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", called);
  },
  exit: (code) => Deno.exit(code),
};
