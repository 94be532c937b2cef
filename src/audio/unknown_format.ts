/**
 * The error of bytes that begin like no known format, apart so that a caller can think of bare samples.
 *
 * @module
 */

import { AudioFormatError } from "../errors.ts";

/** Nothing known begins so. */
export class UnknownFormatError extends AudioFormatError {}
