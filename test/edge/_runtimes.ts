/**
 * The runtimes that bundles are tested on, as `.ci/runtimes` installs them.
 *
 * @module
 */
import { join } from "node:path";

const FOLDER = Deno.env.get("EARSHOT_RUNTIMES") ??
  join(Deno.env.get("HOME") ?? ".", ".cache", "earshot", "runtimes");

const X64 = Deno.build.arch === "x86_64";

/** Binaries by name, below `node_modules`. */
const PATHS = {
  /** Deno 2.5, the version of Deno Deploy. */
  deno: `@deno/linux-${X64 ? "x64" : "arm64"}-glibc/deno`,
  /** Node 20. */
  node: `node-linux-${X64 ? "x64" : "arm64"}/bin/node`,
  bun: `@oven/bun-linux-${X64 ? "x64" : "aarch64"}/bin/bun`,
  workerd: `@cloudflare/workerd-linux-${X64 ? "64" : "arm64"}/bin/workerd`,
};

/** The name of a runtime. */
export type RuntimeName = keyof typeof PATHS;

/** A runtime that may be there. */
export interface Runtime {
  path: string;
  /** Whether a test of it is left out; with `CI` set it fails instead. */
  isMissing: boolean;
  /** For the name of such a test. */
  skipped: string;
}

/** Looks for a runtime. */
export function runtime(name: RuntimeName): Runtime {
  const path = join(FOLDER, "node_modules", PATHS[name]);
  return { path, ...presence(path) };
}

/** Looks for a package beside them; its `path` is the folder that Node finds it from. */
export function runtimePackage(name: string): Runtime {
  return { path: FOLDER, ...presence(join(FOLDER, "node_modules", name, "package.json")) };
}

function presence(path: string): Omit<Runtime, "path"> {
  const isMissing = !Deno.env.get("CI") && !isThere(path);
  return { isMissing, skipped: isMissing ? " [skipped: run .ci/runtimes]" : "" };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
