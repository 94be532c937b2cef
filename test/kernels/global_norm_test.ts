import { globalNorm } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function measured(name: string, tensors: NdArray[]): OpCase {
  const names = tensors.map((_, i) => `tensor${i}`);
  return {
    name,
    inputs: Object.fromEntries(tensors.map((tensor, i) => [names[i]!, tensor])),
    run: (tensors) => globalNorm(names.map((name) => tensors[name]!)),
    hasGradient: false,
  };
}

kernelSuite("globalNorm", [
  measured("one number", [normal([1])]),
  measured("one of each rank", [normal([]), normal([3]), normal([2, 5]), normal([2, 3, 7])]),
  measured("large and small", [normal([33, 67], { deviation: 1e4 }), normal([19])]),
  measured("300,000 numbers", [normal([300, 1000])]),
  measured("200 tensors", Array.from({ length: 200 }, (_, i) => normal([i + 1], { seed: i }))),
  measured("zeros", [fixed([7], 0), fixed([2, 2], 0)]),
]);
