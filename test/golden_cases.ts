/**
 * The golden cases: our own beside this file, in `golden`, and those of the reference kit.
 *
 * @module
 */
import { join } from "node:path";
import { exists, kitPath } from "./kit.ts";

/** Where our own cases lie. */
export const GOLDEN_DIR: string = join(import.meta.dirname!, "golden");

/** Names of our own cases, in order. */
export function goldenCases(): string[] {
  return casesIn(GOLDEN_DIR);
}

/** Names of the kit's cases, in order; none where there is no kit. */
export function kitCases(): string[] {
  return casesIn(kitPath());
}

/** Folders that hold a model and what it gives; other folders hold other things. */
function casesIn(directory: string): string[] {
  if (!exists(directory)) return [];
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  return names.filter((name) =>
    exists(join(directory, name, "expected.safetensors")) &&
    exists(join(directory, name, "config.json"))
  ).sort();
}
