/**
 * A directory of results, a part for each recording, that several processes may fill at a time.
 *
 * A part is there whole or not at all, so that a job that was ended goes on with what is missing. What was asked for
 * stands beside the parts: another model or other settings do not mix with them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { FileError } from "../errors.ts";
import {
  attempt,
  createFileAtomic,
  entryIfThere,
  fileSource,
  listFolder,
  makeDirectory,
  writeFileAtomic,
} from "../files.ts";
import { writingResults } from "./_unwritten_results.ts";

/** What the settings are called. */
const SETTINGS_FILE = "detect.json";

const PIECE_BYTES = 4 * 2 ** 20;

/** A directory of parts. */
export class PartsDirectory {
  readonly #path: string;
  readonly #ending: string;

  private constructor(path: string, ending: string) {
    this.#path = path;
    this.#ending = ending;
  }

  /**
   * Opens a directory, or makes it.
   *
   * @param path the directory.
   * @param ending of the parts' names.
   * @param settings what the parts depend on, as plain data.
   * @throws {FileError} where it holds parts of other settings.
   * @throws {UnwrittenResults} where it cannot be written.
   */
  static async open(path: string, ending: string, settings: object): Promise<PartsDirectory> {
    const file = join(path, SETTINGS_FILE);
    const text = `${JSON.stringify(settings, null, 2)}\n`;
    let found = await textIfThere(file);
    if (found === undefined) {
      await writingResults(async () => {
        await makeDirectory(path);
        // Of two jobs that begin at a time one has chosen the settings, and the other compares.
        await createFileAtomic(file, [new TextEncoder().encode(text)]);
      });
      found = await textIfThere(file);
    }
    if (found === text) return new PartsDirectory(path, ending);
    throw new FileError(
      `Cannot add to "${path}": expected the settings of its parts, found others: ${
        difference(found ?? "", text)
      }`,
      { file, hint: "Name another directory, or remove this one" },
    );
  }

  /** Whether the part of a recording is there. */
  async has(name: string): Promise<boolean> {
    return await entryIfThere(this.#partOf(name)) !== undefined;
  }

  /**
   * Writes a part.
   *
   * @throws {UnwrittenResults} where it cannot be written; there is nothing of it then.
   */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#partOf(name);
    await writingResults(async () => {
      await makeDirectory(dirname(path));
      await removeLeftovers(path);
      await writeFileAtomic(path, [bytes]);
    });
  }

  #partOf(name: string): string {
    return join(this.#path, `${name}${this.#ending}`);
  }
}

async function textIfThere(file: string): Promise<string | undefined> {
  try {
    return await attempt("read", file, () => Deno.readTextFile(file));
  } catch (error) {
    // A file in the place of the directory is found when that is made.
    if (error instanceof FileError && /^(ENOENT|ENOTDIR)$/.test(error.code ?? "")) return undefined;
    throw error;
  }
}

/** What a process that was killed while it wrote this very part has left. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const start = `.${basename(path)}.tmp-`;
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(start)) await Deno.remove(join(folder, name)).catch(() => {});
  }
}

/** The first line that differs. */
function difference(found: string, expected: string): string {
  const lines = expected.split("\n");
  const other = found.split("\n").find((line, i) => line !== lines[i]) ?? "the end";
  return other.trim().slice(0, 80);
}

/** Files that a model's scores depend on. */
const MODEL_FILES =
  /^(config|preprocessor_config|processor_config|adapter_config)\.json$|\.(safetensors|bin)$/;

/**
 * A number for a model: SHA-256 over the files that its scores depend on.
 *
 * @throws {FileError} where one cannot be read.
 */
export async function modelFingerprint(directory: string): Promise<string> {
  const { files } = await listFolder(directory);
  const hash = createHash("sha256");
  for (const name of files.filter((name) => MODEL_FILES.test(name))) {
    using source = await fileSource(join(directory, name));
    hash.update(`${name} ${source.sizeBytes}\n`);
    for (let start = 0; start < source.sizeBytes; start += PIECE_BYTES) {
      hash.update(await source.read(start, Math.min(source.sizeBytes, start + PIECE_BYTES)));
    }
  }
  return hash.digest("hex");
}
