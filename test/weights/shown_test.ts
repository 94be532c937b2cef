import assert from "node:assert/strict";
import { quoted, shownShape } from "../../src/weights/_shown.ts";

Deno.test("quoted() keeps a name on one line, and a long one short", () => {
  assert.equal(quoted("classifier.bias"), '"classifier.bias"');
  assert.equal(quoted('a"\n\u0007b'), '"a\\"\\n\\u0007b"');
  assert.equal(quoted("x".repeat(120)).length, 122);
  assert.equal(quoted("x".repeat(1e6)), `"${"x".repeat(120)}..."`);
});

Deno.test("shownShape() lists the axes, of many only the first", () => {
  assert.equal(shownShape([]), "[]");
  assert.equal(shownShape([2, 3]), "[2,3]");
  assert.equal(shownShape(new Array(1e6).fill(1)), "[1,1,1,1,1,1,1,1,...]");
});
