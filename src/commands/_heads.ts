/**
 * The heads that `serve` and `bundle` are given, and who may teach them.
 *
 * @module
 */
import { join } from "node:path";
import { FileError } from "../errors.ts";
import { makeDirectory, writeDirectoryAtomic, writeFiles } from "../files.ts";
import { type OptionSpecs, UsageError } from "./_arguments.ts";
import { isThere } from "./_command.ts";

/** The option of the commands that take several heads. */
export const HEADS_OPTION = {
  head: {
    kind: "list",
    value: "NAME=DIR",
    help: "a head on the backbone that --model names; may be given several times",
  },
} as const satisfies OptionSpecs;

/** As in an address, and as a folder. */
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/**
 * Directories by name.
 *
 * @throws {UsageError} for what is no `NAME=DIR`, or a name that comes twice.
 */
export function namedHeads(given: readonly string[] = []): Record<string, string> {
  const heads: Record<string, string> = {};
  for (const text of given) {
    const [, name = "", directory = ""] = /^([^=]*)=(.+)$/.exec(text) ?? [];
    if (!NAME.test(name) || directory === "") {
      throw new UsageError(
        `Cannot use argument "--head": expected NAME=DIR, the name of 1 to 64 letters, digits, -, _ and ., ` +
          `found ${JSON.stringify(text)}`,
      );
    }
    if (Object.hasOwn(heads, name)) {
      throw new UsageError(
        `Cannot use argument "--head": expected a name once, found "${name}" twice`,
      );
    }
    heads[name] = directory;
  }
  return heads;
}

/** Writes the directory of a head into a folder, in the place of the one before. */
export function headSaver(folder: string) {
  return async (name: string, files: { name: string; bytes: Uint8Array }[]): Promise<void> => {
    await makeDirectory(folder);
    const chunks = files.map(({ name, bytes }) => ({ name, chunks: () => [bytes] }));
    await writeDirectoryAtomic(join(folder, name), (path) => writeFiles(path, chunks), {
      replace: true,
    });
  };
}

/** Refuses a folder whose heads would be replaced by others of their names, taught anew. */
export async function expectNoHeads(folder: string | undefined): Promise<void> {
  if (folder === undefined || !await isThere(folder)) return;
  for await (const { name } of Deno.readDir(folder)) {
    throw new FileError(
      `Cannot save heads in "${folder}": expected a new or empty folder, found "${name}" in it`,
      { file: folder, hint: "Name another folder" },
    );
  }
}
