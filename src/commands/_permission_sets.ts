/**
 * What commands may do on this machine: a few sets, of which each command has one.
 *
 * `deno.json` can hold neither a name for a list nor a reason; both are here, and a test holds the file to it.
 *
 * @module
 */
import earshot from "../../deno.json" with { type: "json" };
import { SETTINGS_VARIABLES } from "../../edge/settings.ts";
import { HUB_HOSTS } from "../hub/settings.ts";

/** Which set a command has. */
export type PermissionSetName = "read" | "write" | "serve" | "bundle" | "hub";

/** A set, as `deno.json` has it. */
export interface PermissionSet {
  readonly read: true;
  readonly write?: true;
  /** Hosts that may be reached, and addresses that may be listened on. */
  readonly net?: readonly string[];
  /** Programs that may be started. */
  readonly run?: readonly string[];
  /** Variables that may be read; all others are as if they were not set. */
  readonly env: { readonly allow: readonly string[]; readonly ignore: true };
}

/** The places of tokens and caches, the folder that a task was typed in, and what a Linux driver looks for. */
const VARIABLES = [
  "INIT_CWD",
  "HOME",
  "USERPROFILE",
  "XDG_CACHE_HOME",
  "XDG_RUNTIME_DIR",
  "HF_*",
  "HUGGING*",
  "TRANSFORMERS_OFFLINE",
] as const;

/** Which share of a job is this process's, as schedulers say it. */
const SCHEDULER_VARIABLES = [
  "SLURM_ARRAY_*",
  "JOB_COMPLETION_INDEX",
  "AWS_BATCH_JOB_ARRAY_*",
  "EARSHOT_SHARDS",
] as const;

// Packages read variables of their own when they are imported, which must not end a command.
const READING: PermissionSet = { read: true, env: { allow: VARIABLES, ignore: true } };

// A set cannot know the path of an output, so that it is all paths or none.
const WRITING: PermissionSet = {
  ...READING,
  write: true,
  env: { allow: [...VARIABLES, ...SCHEDULER_VARIABLES], ignore: true },
};

/** This machine, for a hub that is mirrored here. */
const LOOPBACK = ["127.0.0.1", "localhost"] as const;

/** What `serve` may listen on without being given more. */
const ADDRESSES = [...LOOPBACK, "0.0.0.0", "[::]", "[::1]"] as const;

/**
 * esbuild on every system that Deno runs on, where Deno puts it below `deno.json`: a set names a program by its path,
 * and a path that is not there does no harm.
 */
const ESBUILD = [
  ["linux-x64", "bin/esbuild"],
  ["linux-arm64", "bin/esbuild"],
  ["darwin-x64", "bin/esbuild"],
  ["darwin-arm64", "bin/esbuild"],
  ["win32-x64", "esbuild.exe"],
  ["win32-arm64", "esbuild.exe"],
].map(([system, program]) => {
  const [, version] = earshot.imports.esbuild.match(/@([\d.]+)$/)!;
  const folder = `node_modules/.deno/@esbuild+${system}@${version}/node_modules/@esbuild/${system}`;
  return `./${folder}/${program}`;
});

/** The sets by their names in `deno.json`. */
export const PERMISSION_SETS: Readonly<Record<PermissionSetName, PermissionSet>> = {
  read: READING,
  write: WRITING,
  // It gives the right to write back where it is not to save heads.
  serve: {
    ...READING,
    write: true,
    env: { allow: [...VARIABLES, ...SETTINGS_VARIABLES], ignore: true },
    net: ADDRESSES,
  },
  bundle: { ...WRITING, run: ESBUILD },
  hub: { ...WRITING, net: [...LOOPBACK, ...HUB_HOSTS] },
};
