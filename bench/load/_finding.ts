/**
 * What is found, and how it is written.
 *
 * @module
 */

/** A figure, and whether it is as it has to be; undefined where it is only reported. */
export interface Finding {
  phase: string;
  what: string;
  found: string;
  isRight?: boolean;
}

/** A time. */
export function milliseconds(ms: number): string {
  return Number.isNaN(ms) ? "none" : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
