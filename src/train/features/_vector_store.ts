/**
 * Vectors by key, in memory up to a limit, and in a folder where there is one, for the next run.
 *
 * What goes wrong with the folder ends nothing: it is said once, and what cannot be read or kept is computed again.
 *
 * @module
 */
import { FileError } from "../../errors.ts";
import { listFolderIfThere, makeDirectory } from "../../files.ts";
import { type Place, placesIn, readVectors, writeSegment } from "./_segment.ts";

/** Where vectors are kept. */
export interface VectorStoreOptions {
  /** Where they are kept beyond the run. @default nowhere */
  directory?: string;
  /** Most memory that they take. @default 1073741824 (1 GiB) */
  memoryBytes?: number;
  /** Called once for a folder that cannot be used, and once where something in it was damaged. */
  onNotice?: (message: string) => void;
}

const MEMORY_BYTES = 2 ** 30;

/** What is not yet on the disk goes there at this size. */
const SEGMENT_BYTES = 16 * 2 ** 20;

const ENDING = ".features";

/** Vectors of one size, by keys of 32 bytes in hexadecimal digits. */
export class VectorStore {
  readonly #options: VectorStoreOptions;
  readonly #memory = new Map<string, Float32Array>();
  #freeBytes: number;
  #places: Promise<Map<string, Place>> | undefined;
  #unsaved = new Map<string, Float32Array>();
  #isWritable: boolean;
  readonly #said = new Set<string>();

  /** `options`: where vectors are kept. */
  constructor(options: VectorStoreOptions) {
    this.#options = options;
    this.#freeBytes = options.memoryBytes ?? MEMORY_BYTES;
    this.#isWritable = options.directory !== undefined;
  }

  /** The vectors of these keys, which are only to be read; undefined for those that are not there. */
  async get(keys: readonly string[]): Promise<(Float32Array | undefined)[]> {
    const known = keys.map((key) => this.#memory.get(key) ?? this.#unsaved.get(key));
    const lacking = keys.filter((_, i) => !known[i]);
    if (lacking.length === 0 || this.#options.directory === undefined) return known;
    const read = await this.#read(new Set(lacking));
    return known.map((vector, i) => vector ?? read.get(keys[i]!));
  }

  /** Keeps a vector; the store's own from now on. */
  async add(key: string, vector: Float32Array): Promise<void> {
    this.#remember(key, vector);
    if (!this.#isWritable) return;
    this.#unsaved.set(key, vector);
    if (this.#unsaved.size * vector.byteLength >= SEGMENT_BYTES) await this.save();
  }

  /** Writes what is not yet on the disk. */
  async save(): Promise<void> {
    const { directory } = this.#options;
    if (this.#unsaved.size === 0 || directory === undefined) return;
    const vectors = this.#unsaved;
    this.#unsaved = new Map();
    try {
      await makeDirectory(directory);
      // Sorted by time, so that what replaces a damaged vector counts.
      const name = `${Date.now().toString().padStart(14, "0")}-${crypto.randomUUID()}${ENDING}`;
      const file = `${directory}/${name}`;
      await writeSegment(file, vectors);
      const places = await this.#placesOnDisk();
      for (const [key, place] of await placesIn(file)) places.set(key, place);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#isWritable = false;
      this.#say("write", `${error.message}; features are not kept for the next run`);
    }
  }

  #remember(key: string, vector: Float32Array): void {
    if (this.#memory.has(key) || vector.byteLength > this.#freeBytes) return;
    this.#memory.set(key, vector);
    this.#freeBytes -= vector.byteLength;
  }

  async #read(keys: ReadonlySet<string>): Promise<Map<string, Float32Array>> {
    const places = await this.#placesOnDisk();
    const wanted = Array.from(keys, (key) => ({ key, ...places.get(key) }))
      .filter((place): place is { key: string } & Place => place.file !== undefined);
    const found = new Map<string, Float32Array>();
    for (const [file, parts] of Map.groupBy(wanted, (place) => place.file)) {
      const vectors = await this.#readable(() => readVectors(file, parts)) ?? [];
      parts.forEach(({ key }, i) => {
        const vector = vectors[i];
        if (vector) {
          found.set(key, vector);
          this.#remember(key, vector);
        } else {
          places.delete(key);
          this.#say("damage", `Part of "${file}" is damaged; its features are computed again`);
        }
      });
    }
    return found;
  }

  #placesOnDisk(): Promise<Map<string, Place>> {
    return this.#places ??= this.#look();
  }

  async #look(): Promise<Map<string, Place>> {
    const { directory } = this.#options;
    const places = new Map<string, Place>();
    const listing = await this.#readable(() => listFolderIfThere(directory!));
    for (const name of listing?.files ?? []) {
      if (!name.endsWith(ENDING)) continue;
      const found = await this.#readable(() => placesIn(`${directory}/${name}`));
      for (const [key, place] of found ?? []) places.set(key, place);
    }
    return places;
  }

  async #readable<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#say("read", `${error.message}; its features are computed again`);
      return undefined;
    }
  }

  /** Each kind of trouble once. */
  #say(kind: string, message: string): void {
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    this.#options.onNotice?.(message);
  }
}
