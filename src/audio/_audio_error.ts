/**
 * The form of every complaint about a piece of audio.
 *
 * @module
 */

import { AudioFormatError, type ErrorFacts } from "../errors.ts";

/** An error that names the file, where one is known, and what is wrong with it. */
export function audioError(
  problem: string,
  file?: string,
  facts: ErrorFacts = {},
): AudioFormatError {
  const name = file === undefined ? "" : ` "${file}"`;
  return new AudioFormatError(`Cannot decode audio${name}: ${problem}`, { file, ...facts });
}
