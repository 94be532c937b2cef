/**
 * What was found and cannot be written: a fault of the disk and not of a recording, which a scheduler may try again.
 *
 * @module
 */
import { FileError } from "../errors.ts";

/** How a process ends whose results cannot be written: what `sysexits.h` calls an input or output error. */
export const UNWRITTEN_RESULTS_CODE = 74;

/** Results that cannot be written: the disk is full, or access is denied. */
export class UnwrittenResults extends FileError {
  /** @param cause what kept them from being written. */
  constructor(cause: FileError) {
    const { message, file, code, hint } = cause;
    super(message, { cause, file, code, hint });
  }
}

/** Writes results; a file that cannot be written is told apart from one that cannot be read. */
export async function writingResults<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw error instanceof FileError ? new UnwrittenResults(error) : error;
  }
}
