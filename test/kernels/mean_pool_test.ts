import { meanPool } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function pooled(shape: [number, number, number], lengths?: number[]): OpCase {
  return {
    name: `[${shape}]${lengths ? `, lengths ${lengths}` : ""}`,
    inputs: { x: normal(shape) },
    integers: lengths && { lengths: fixed([shape[0]], lengths) },
    run: ({ x, lengths }) => meanPool(x!, lengths),
  };
}

kernelSuite("meanPool", [
  pooled([1, 1, 1]),
  pooled([2, 7, 3]),
  pooled([3, 5, 7], [5, 1, 3]),
  pooled([3, 49, 192], [49, 17, 30]),
  pooled([5, 131, 33], [131, 1, 64, 65, 130]),
  pooled([2, 499, 256]),
]);
