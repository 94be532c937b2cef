/**
 * The worker's side of `_reading_thread.ts`: reads and decodes one clip after the other.
 *
 * @module
 */

import { AudioFormatError, FileError } from "../errors.ts";
import { decodeClip, readClip } from "./_clip_reader.ts";
import type { ReadAnswer, ReadRequest } from "./_reading_thread.ts";

const thread = self as unknown as {
  onmessage: (event: MessageEvent<ReadRequest>) => void;
  postMessage: (answer: ReadAnswer, transfer: Transferable[]) => void;
};

let latest: Promise<void> = Promise.resolve();
thread.onmessage = ({ data }) => {
  latest = latest.then(() => answer(data));
};

async function answer({ id, file, bytes, options }: ReadRequest): Promise<void> {
  try {
    const { samples, warning } = bytes
      ? await decodeClip(bytes, file, options)
      : await readClip({ file, label: 0 }, options);
    thread.postMessage({ id, samples, warning }, [samples.buffer as ArrayBuffer]);
  } catch (error) {
    thread.postMessage({ id, error: plainError(error) }, []);
  }
}

/** An error as fields: a class does not survive the way between threads. */
function plainError(error: unknown): ReadAnswer["error"] {
  const { message } = error as Error;
  if (error instanceof AudioFormatError) return { kind: "audio", message, hint: error.hint };
  if (error instanceof FileError) {
    return { kind: "file", message, hint: error.hint, code: error.code };
  }
  return { kind: "other", message };
}
