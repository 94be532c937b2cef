import { statisticsPool } from "../../src/kernels.ts";
import { fixed, normal, type NormalOptions, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function pooled(
  shape: [number, number, number],
  { lengths, ...values }: NormalOptions & { lengths?: number[] } = {},
): OpCase {
  return {
    name: `[${shape}]${lengths ? `, lengths ${lengths}` : ""} ${JSON.stringify(values)}`,
    inputs: { x: normal(shape, values) },
    integers: lengths && { lengths: fixed([shape[0]], lengths) },
    hasGradient: false,
    run: ({ x, lengths }) => statisticsPool(x!, lengths),
  };
}

/** Frames past the length that would be seen in the sums. */
function padded(): OpCase {
  const opCase = pooled([2, 7, 5], { lengths: [7, 3] });
  const values = opCase.inputs.x!.values.slice().fill(1e30, (7 + 3) * 5);
  const name = `1e30 past the length, ${opCase.name}`;
  return { ...opCase, name, inputs: { x: { shape: [2, 7, 5], values } } };
}

kernelSuite("statisticsPool", [
  padded(),
  pooled([1, 2, 1]),
  pooled([3, 5, 7], { lengths: [5, 2, 3] }),
  pooled([3, 49, 192], { lengths: [49, 17, 30] }),
  pooled([2, 499, 70], { mean: 30, deviation: 0.5 }),
]);
