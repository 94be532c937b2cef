import { unfold, type UnfoldAttrs } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function unfolded(shape: [number, number, number], attrs: UnfoldAttrs): OpCase {
  return {
    name: `[${shape}] ${JSON.stringify(attrs)}`,
    inputs: { x: normal(shape) },
    hasGradient: false,
    run: ({ x }) => unfold(x!, attrs),
  };
}

kernelSuite("unfold", [
  unfolded([1, 1, 1], { width: 1, dilation: 3 }),
  unfolded([2, 7, 3], { width: 3, dilation: 1 }),
  unfolded([3, 9, 5], { width: 3, dilation: 4 }),
  unfolded([2, 49, 130], { width: 5, dilation: 2 }),
]);
