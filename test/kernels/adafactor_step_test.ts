import { type AdafactorAttrs, adafactorStep } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

const ATTRS: AdafactorAttrs = {
  learningRate: 1e-2,
  squaresDecay: 0.8,
  eps: 1e-30,
  clipThreshold: 1,
  beta1: 0,
  weightDecay: 0.01,
  maxGradNorm: 0,
};

interface Given {
  grad: NdArray;
  norm?: number;
  attrs?: Partial<AdafactorAttrs>;
  /** From rest: no squares are known. */
  isFirst?: boolean;
  /** Whether a mean update is kept. */
  keepsMean?: boolean;
}

function stepped(name: string, { grad, norm = 1, attrs, isFirst, keepsMean }: Given): OpCase {
  const { shape } = grad;
  const squares = (shape: readonly number[], seed: number): NdArray => {
    const { values } = normal(shape, { seed, deviation: 0.1 });
    return { shape, values: values.map((value) => isFirst ? 0 : Math.fround(value * value)) };
  };
  const isFactored = shape.length > 1;
  return {
    name: `${name}[${shape}]`,
    inputs: {
      param: normal(shape, { seed: 1 }),
      grad,
      norm: fixed([], norm),
      rows: squares(isFactored ? shape.slice(0, -1) : shape, 2),
      ...isFactored && { columns: squares([...shape.slice(0, -2), ...shape.slice(-1)], 3) },
      ...keepsMean && { mean: normal(shape, { seed: 4, deviation: 0.01 }) },
    },
    run: ({ param, grad, norm, rows, columns, mean }) => {
      const state = { param: param!, grad: grad!, rows: rows!, columns, mean };
      const next = adafactorStep(state, norm!, { ...ATTRS, ...attrs });
      return Object.values(next).filter((tensor) => tensor !== undefined);
    },
    hasGradient: false,
  };
}

kernelSuite("adafactorStep", [
  stepped("", { grad: normal([1]) }),
  stepped("", { grad: normal([7]) }),
  stepped("", { grad: normal([1, 1]) }),
  stepped("", { grad: normal([3, 7]) }),
  stepped("", { grad: normal([33, 67]) }),
  stepped("", { grad: normal([600, 300]) }),
  stepped("", { grad: normal([5, 3, 7]) }),
  stepped("", { grad: normal([3, 1, 10]) }),
  stepped("first, ", { grad: normal([3, 7]), isFirst: true, attrs: { squaresDecay: 0 } }),
  stepped("first, zeros, ", { grad: fixed([3, 7], 0), isFirst: true, attrs: { squaresDecay: 0 } }),
  stepped("tiny, ", {
    grad: normal([3, 7], { deviation: 1e-12 }),
    isFirst: true,
    attrs: { squaresDecay: 0 },
  }),
  stepped("clipped, ", { grad: normal([3, 7]), norm: 20, attrs: { maxGradNorm: 1 } }),
  stepped("within the norm, ", { grad: normal([3, 7]), norm: 0.5, attrs: { maxGradNorm: 1 } }),
  stepped("scaled, ", { grad: normal([3, 7]), attrs: { leastScale: 1e-3 } }),
  stepped("least scale, ", { grad: normal([7]), attrs: { leastScale: 5 } }),
  stepped("high threshold, ", { grad: normal([3, 7]), attrs: { clipThreshold: 1e3 } }),
  stepped("mean, ", { grad: normal([5, 3, 7]), keepsMean: true, attrs: { beta1: 0.9 } }),
  stepped("mean, ", { grad: normal([7]), keepsMean: true, attrs: { beta1: 0.9 } }),
  stepped("no decay, ", { grad: normal([3, 7]), attrs: { weightDecay: 0 } }),
]);
