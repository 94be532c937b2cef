/**
 * The process, for hosts with Node's modules.
 *
 * @module
 */
import process from "node:process";
import type { HostProgram } from "../host.ts";

/** A variable of the environment. */
export function nodeVariable(name: string): string | undefined {
  return process.env[name];
}

/** How a program of Node hears signals, and ends. */
export const NODE_PROCESS: Pick<HostProgram, "onSignal" | "exit"> = {
  onSignal: (called) => {
    process.on("SIGINT", called);
    process.on("SIGTERM", called);
  },
  exit: (code) => process.exit(code),
};
