/**
 * The error of a line of a text file that is not as it should be.
 *
 * @module
 */

import { DatasetError, type ErrorFacts } from "../errors.ts";
import type { DataFile } from "./_data_files.ts";

/** Names the line, from 1, what it should be and what it is. */
export function lineError(
  file: DataFile,
  line: number,
  expected: string,
  found: string,
  facts: ErrorFacts = {},
): DatasetError {
  const message = `Cannot read "${file.name}", line ${line}: expected ${expected}, found ${found}`;
  return new DatasetError(message, { file: file.name, ...facts });
}
