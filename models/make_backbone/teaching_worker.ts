/**
 * A worker that computes chunks of lessons, one after the other, on a device of its own.
 *
 * @module
 */
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import type { Lesson } from "./rendering.ts";
import { teachChunk, type TeacherFiles, Teachers } from "./teachers.ts";

/** What a worker is asked first. */
export interface TeachingStart {
  teachers: TeacherFiles;
}

/** What it is asked then; it answers with an empty text, or with what failed. */
export interface TeachingTask {
  lessons: Lesson[];
  file: string;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<TeachingStart | TeachingTask>) => void;
  postMessage(answer: string): void;
};

let teachers: Promise<Teachers>;

scope.onmessage = async ({ data }) => {
  try {
    if ("teachers" in data) {
      teachers = startWasm({ threads: 1 }).then(() => Teachers.open(data.teachers));
      await teachers;
    } else await teachChunk(await teachers, data.lessons, data.file);
    scope.postMessage("");
  } catch (error) {
    scope.postMessage(error instanceof Error ? error.message : String(error));
  }
};
