import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { clearPadding } from "../../src/layers/padding.ts";
import { layerTest, noiseTensor, numbers } from "./_layer_case.ts";

layerTest("clearPadding() zeroes the frames past each length, and no other", () => {
  const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 3, 2]);
  assert.deepEqual(numbers(clearPadding(x, [1, 3])), [1, 2, 0, 0, 0, 0, 7, 8, 9, 10, 11, 12]);
});

layerTest("clearPadding() gives a copy where there are no lengths", () => {
  const x = noiseTensor([2, 3, 4]);
  const y = clearPadding(x);
  assert.deepEqual(numbers(y), numbers(x));
  y.dispose();
  assert.equal(x.isDisposed, false);
});
