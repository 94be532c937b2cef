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

/** Frames past the length that would be seen in the sum. */
function padded(): OpCase {
  const opCase = pooled([2, 7, 5], [7, 3]);
  const values = opCase.inputs.x!.values.slice().fill(1e30, (7 + 3) * 5);
  const name = `1e30 past the length, ${opCase.name}`;
  return { ...opCase, name, inputs: { x: { shape: [2, 7, 5], values } } };
}

kernelSuite("meanPool", [
  padded(),
  pooled([1, 1, 1]),
  pooled([2, 7, 3]),
  pooled([3, 5, 7], [5, 1, 3]),
  pooled([3, 49, 192], [49, 17, 30]),
  pooled([5, 131, 33], [131, 1, 64, 65, 130]),
  pooled([2, 499, 256]),
]);
