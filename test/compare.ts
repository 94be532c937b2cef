/**
 * The one comparison of numbers that every test here uses.
 *
 * An element agrees when `|actual - expected| <= atol + rtol * |expected|`; NaN agrees with NaN
 * alone, an infinity with itself alone. Shapes are compared before any element.
 *
 * @module
 */

import assert, { AssertionError } from "node:assert/strict";

/** Numbers in a row, or a tensor's numbers with its shape. */
export type Numbers = ArrayLike<number> | { shape: readonly number[]; values: ArrayLike<number> };

/** How far apart two numbers may be, and what they are called. */
export interface Tolerance {
  /** Absolute part of the limit. @default 0 */
  atol?: number;
  /** Part of the limit that grows with the expected value. @default 0 */
  rtol?: number;
  /** What is compared, for the message. @default "values" */
  label?: string;
}

/** Fails at the first difference in shape, else names the worst element outside the limit. */
export function assertAllClose(actual: Numbers, expected: Numbers, tolerance: Tolerance): void {
  const { atol = 0, rtol = 0, label = "values" } = tolerance;
  assertSameShape(shapeOf(actual), shapeOf(expected), label);
  const [found, wanted] = [valuesOf(actual), valuesOf(expected)];
  let [outside, worst, worstExcess] = [0, -1, -Infinity];
  for (let i = 0; i < wanted.length; i++) {
    const excess = excessOf(found[i]!, wanted[i]!, atol, rtol);
    if (excess <= 0) continue;
    outside++;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (outside === 0) return;
  const at = positionOf(worst, shapeOf(expected));
  const [was, is] = [wanted[worst], found[worst]];
  throw new AssertionError({
    message: `${label}: ${outside} of ${wanted.length} outside atol ${atol}, rtol ${rtol}; ` +
      `worst at [${at}]: expected ${was}, found ${is}`,
    actual: is,
    expected: was,
    operator: "assertAllClose",
  });
}

/** How far an element lies outside its limit: 0 or less inside, infinite where no number can say. */
function excessOf(actual: number, expected: number, atol: number, rtol: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  const excess = Math.abs(actual - expected) - (atol + rtol * Math.abs(expected));
  return Number.isFinite(actual) && Number.isFinite(expected) ? excess : Infinity;
}

function assertSameShape(actual: readonly number[], expected: readonly number[], label: string) {
  if (actual.length === expected.length && actual.every((size, i) => size === expected[i])) return;
  throw new AssertionError({
    message: `${label}: expected shape [${expected}], found [${actual}]`,
    actual,
    expected,
    operator: "assertAllClose",
  });
}

function valuesOf(numbers: Numbers): ArrayLike<number> {
  return "values" in numbers && typeof numbers.values !== "function"
    ? numbers.values
    : numbers as ArrayLike<number>;
}

function shapeOf(numbers: Numbers): readonly number[] {
  if (!("shape" in numbers)) return [numbers.length];
  const size = numbers.shape.reduce((product, length) => product * length, 1);
  if (size === numbers.values.length) return numbers.shape;
  throw new RangeError(
    `Cannot compare numbers: expected ${size} for shape [${numbers.shape}], found ${numbers.values.length}`,
  );
}

/** The index of a flat position, one number per dimension. */
function positionOf(flat: number, shape: readonly number[]): number[] {
  const position: number[] = [];
  for (const size of shape.toReversed()) {
    position.unshift(flat % size);
    flat = Math.floor(flat / size);
  }
  return position;
}

/**
 * Compares values of JSON: all is the same but for numbers, which may differ by a little.
 *
 * @param atol by how much.
 */
export function assertNear(found: unknown, expected: unknown, atol = 1e-6): void {
  const pairs: [found: unknown, expected: number][] = [];
  /** Puts the numbers that were found in the place of those that were expected. */
  const withFound = (value: unknown, other: unknown): unknown => {
    if (typeof value === "number") {
      pairs.push([other, value]);
      return typeof other === "number" ? other : value;
    }
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, inner]) => [
      key,
      withFound(inner, Object(other)[key]),
    ]);
    return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
  };
  assert.deepEqual(found, withFound(expected, found));
  for (const [number, value] of pairs) {
    assert.ok(Math.abs(Number(number) - value) <= atol, `${number} for ${value}`);
  }
}
