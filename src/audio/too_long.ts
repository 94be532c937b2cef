/**
 * A recording that is sound and only longer than asked for, so that whoever can hear it in parts may do so.
 *
 * @module
 */

import { AudioFormatError } from "../errors.ts";

/** More audio than a limit allows. */
export class TooLongError extends AudioFormatError {}
