import { doesNotThrow, throws } from "node:assert/strict";
import { assertAllClose, type Numbers, type Tolerance } from "./compare.ts";

function accepts(actual: Numbers, expected: Numbers, tolerance: Tolerance = {}): void {
  doesNotThrow(() => assertAllClose(actual, expected, tolerance));
}

function rejects(actual: Numbers, expected: Numbers, tolerance: Tolerance, message: RegExp): void {
  throws(() => assertAllClose(actual, expected, tolerance), message);
}

Deno.test("assertAllClose() allows atol plus rtol of the expected value", () => {
  accepts([1.5, -100], [1, -110], { atol: 0.5, rtol: 0.1 });
  rejects([1.2], [1], { atol: 0.1 }, /at \[0\]: expected 1, found 1.2/);
  rejects([100], [110], { rtol: 0.05 }, /expected 110, found 100/);
  rejects([110], [100], { rtol: 0.0999 }, /expected 100, found 110/);
});

Deno.test("assertAllClose() takes NaN for NaN alone and an infinity for itself alone", () => {
  accepts([NaN, Infinity, -Infinity], [NaN, Infinity, -Infinity]);
  rejects([NaN], [0], { atol: 1e9 }, /expected 0, found NaN/);
  rejects([0], [NaN], { atol: 1e9 }, /expected NaN, found 0/);
  rejects([-Infinity], [Infinity], { rtol: 1 }, /expected Infinity, found -Infinity/);
  rejects([5], [Infinity], { rtol: 1 }, /expected Infinity, found 5/);
});

Deno.test("assertAllClose() compares shapes before values", () => {
  rejects(
    [1, 2],
    [1, 2, 3],
    { label: "row" },
    /^AssertionError.*row: expected shape \[3\], found \[2\]/,
  );
  const values = Float32Array.of(1, 2, 3, 4);
  rejects({ shape: [4, 1], values }, { shape: [2, 2], values }, {}, /\[2,2\], found \[4,1\]/);
  accepts({ shape: [2, 2], values }, { shape: [2, 2], values: [1, 2, 3, 4] });
  rejects({ shape: [2], values: [1, 2] }, { shape: [2], values: [] }, {}, /expected 2 .* found 0/);
});

Deno.test("assertAllClose() names the index of the worst element in the shape", () => {
  const expected = { shape: [2, 3], values: [0, 0, 0, 0, 0, 0] };
  const actual = { shape: [2, 3], values: [1, 0, 0, 0, 0, 7] };
  rejects(
    actual,
    expected,
    { label: "logits" },
    /logits: 2 of 6 .* at \[1,2\]: expected 0, found 7/,
  );
});
