import { padFrames } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function padded(shape: [number, number, number], before: number, after: number): OpCase {
  return {
    name: `[${shape}], ${before} before, ${after} after`,
    inputs: { x: normal(shape) },
    run: ({ x }) => padFrames(x!, { before, after }),
  };
}

kernelSuite("padFrames", [
  padded([1, 1, 1], 0, 0),
  padded([2, 5, 3], 1, 2),
  padded([2, 5, 3], -2, -1),
  padded([3, 5, 4], 2, -1),
  padded([3, 5, 7], -4, 3),
  padded([3, 49, 192], 0, -1),
  padded([2, 131, 33], 2, 0),
  padded([2, 1, 32], 1, 144),
]);
