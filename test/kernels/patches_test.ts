import { patches, type PatchesAttrs } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function cut(shape: [number, number, number], attrs: PatchesAttrs): OpCase {
  return {
    name: `[${shape}] ${JSON.stringify(attrs)}`,
    inputs: { x: normal(shape) },
    hasGradient: false,
    run: ({ x }) => patches(x!, attrs),
  };
}

kernelSuite("patches", [
  cut([1, 1, 1], { size: [1, 1], stride: [1, 1] }),
  cut([2, 5, 4], { size: [2, 3], stride: [1, 2] }),
  cut([2, 7, 9], { size: [3, 2], stride: [4, 3] }),
  cut([2, 128, 128], { size: [16, 16], stride: [10, 10] }),
]);
