import { keepHash, maskFrames } from "../../src/kernels.ts";
import { sizeOf } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

/** A case in which about half the frames are masked. */
function masked(shape: [number, number, number]): OpCase {
  const frames = shape.slice(0, 2);
  const bits = Array.from({ length: sizeOf(frames) }, (_, i) => keepHash(5, i) & 1);
  return {
    name: `[${shape}]`,
    inputs: { x: normal(shape), value: normal([shape[2]], { seed: 2 }) },
    integers: { mask: fixed(frames, bits) },
    run: ({ x, mask, value }) => maskFrames(x!, mask!, value!),
  };
}

function maskedAlike(bit: number): OpCase {
  return {
    ...masked([2, 5, 3]),
    name: `all frames ${bit}`,
    integers: { mask: fixed([2, 5], bit) },
  };
}

kernelSuite("maskFrames", [
  masked([1, 1, 1]),
  masked([2, 5, 3]),
  masked([3, 13, 7]),
  masked([3, 49, 192]),
  masked([2, 67, 33]),
  maskedAlike(0),
  maskedAlike(1),
]);
