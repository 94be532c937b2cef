/**
 * The form of every complaint about a piece of audio.
 *
 * @module
 */

import { AudioFormatError } from "../errors.ts";

/** An error that names the file, where one is known, and what is wrong with it. */
export function audioError(problem: string, file?: string, hint?: string): AudioFormatError {
  const name = file === undefined ? "" : ` "${file}"`;
  return new AudioFormatError(`Cannot decode audio${name}: ${problem}`, { file, hint });
}
