/**
 * All lessons with what the teachers make of them, from the cache or computed into it.
 *
 * @module
 */
import { join } from "node:path";
import { CheckpointError } from "../../src/errors.ts";
import { listFolderIfThere, makeDirectory } from "../../src/files.ts";
import type { Lesson } from "./rendering.ts";
import { CHUNK_FORMAT, chunkFile, chunksOf, type TeacherFiles } from "./teachers.ts";
import type { TeachingStart, TeachingTask } from "./teaching_worker.ts";

/** How the cache is filled. */
export interface FillCacheOptions {
  cache: string;
  teachers: TeacherFiles;
  workers: number;
  onProgress(done: number, of: number): void;
}

/** The folder for these lessons and teachers: another list has another. */
export async function lessonCache(
  folder: string,
  lessons: readonly Lesson[],
  { yamnet }: TeacherFiles,
): Promise<string> {
  const text = JSON.stringify([CHUNK_FORMAT, yamnet !== undefined, lessons]);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const cache = join(folder, new Uint8Array(hash).toHex().slice(0, 12));
  await makeDirectory(cache);
  return cache;
}

/** Computes what is not there yet. */
export async function fillCache(
  lessons: readonly Lesson[],
  { cache, teachers, workers, onProgress }: FillCacheOptions,
): Promise<void> {
  const { files } = await listFolderIfThere(cache);
  const there = new Set(files.map((file) => join(cache, file)));
  const chunks = chunksOf(lessons);
  const tasks = chunks.map((lessons, i) => ({ lessons, file: chunkFile(cache, i) }))
    .filter(({ file }) => !there.has(file));
  let done = chunks.length - tasks.length;
  onProgress(done, chunks.length);
  await Promise.all(
    Array.from({ length: Math.min(workers, tasks.length) }, async () => {
      const worker = new TeachingThread();
      try {
        await worker.ask({ teachers });
        for (let task = tasks.shift(); task; task = tasks.shift()) {
          await worker.ask(task);
          onProgress(++done, chunks.length);
        }
      } finally {
        worker.end();
      }
    }),
  );
}

/** A worker that is asked one thing at a time. */
class TeachingThread {
  readonly #worker = new Worker(new URL("./teaching_worker.ts", import.meta.url), {
    type: "module",
  });

  async ask(question: TeachingStart | TeachingTask): Promise<void> {
    const fault = await new Promise<string>((resolve) => {
      this.#worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        resolve(event.message);
      };
      this.#worker.postMessage(question);
    });
    if (fault === "") return;
    throw new CheckpointError(`Cannot ask the teachers: ${fault}`, { file: "teachers" });
  }

  end(): void {
    this.#worker.terminate();
  }
}
