/**
 * What this package asks of the operating system, in Deno's words: Deno itself where it runs there, and the same over
 * Node's modules elsewhere, in Node and Bun.
 *
 * What these have no way for is refused where it is asked for: a file has no lock there (`tryLock()` rejects).
 *
 * @module
 */

/** What is used of Deno. */
export type System = Pick<
  typeof Deno,
  | "build"
  | "consoleSize"
  | "copyFile"
  | "env"
  | "errors"
  | "hostname"
  | "link"
  | "lstat"
  | "makeTempDir"
  | "makeTempFile"
  | "mkdir"
  | "open"
  | "permissions"
  | "pid"
  | "readDir"
  | "readDirSync"
  | "readTextFile"
  | "remove"
  | "removeSync"
  | "rename"
  | "stat"
  | "stderr"
  | "stdin"
  | "symlink"
  | "truncate"
  | "writeFile"
  | "writeTextFile"
>;

/** This process's. */
export const system: System = "Deno" in globalThis
  ? Deno
  : (await import("./_node.ts")).nodeSystem as unknown as System;

/** What runs this program, for notes of where something was made. */
export const engine: { name: string; version: string } = "Deno" in globalThis
  ? { name: "Deno", version: Deno.version.deno }
  : (await import("./_node.ts")).nodeEngine;

/** Places in a file are counted from its start. */
export const SEEK_START: Deno.SeekMode.Start = 0;
