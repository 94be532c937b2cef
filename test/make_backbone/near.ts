import { ok } from "node:assert/strict";

/** Asserts that a number is another but for rounding of 32 bits. */
export function near(found: number, expected: number, within = 1e-5): void {
  ok(Math.abs(found - expected) <= within, `expected ${expected}, found ${found}`);
}
