import { type AdamwAttrs, adamwStep } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

const ATTRS: AdamwAttrs = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.01,
  step: 10,
  maxGradNorm: 0,
};

function stepped(
  name: string,
  { grad, norm = 1, attrs = {} }: { grad: NdArray; norm?: number; attrs?: Partial<AdamwAttrs> },
): OpCase {
  const { shape } = grad;
  const square = normal(shape, { seed: 4, deviation: 0.1 });
  return {
    name: `${name}[${shape}]`,
    inputs: {
      param: normal(shape, { seed: 1 }),
      grad,
      m: normal(shape, { seed: 3, deviation: 0.1 }),
      v: { shape, values: square.values.map((value) => Math.fround(value * value)) },
      norm: fixed([], norm),
    },
    run: ({ param, grad, m, v, norm }) =>
      adamwStep(
        { param: param!, grad: grad!, m: m!, v: v!, norm: norm! },
        { ...ATTRS, ...attrs },
      ),
    hasGradient: false,
    forwardTolerance: 1e-6,
  };
}

/** From rest: `m` and `v` are zero. */
function first(name: string, grad: NdArray): OpCase {
  const opCase = stepped(name, { grad, attrs: { step: 1 } });
  const rest = fixed(grad.shape, 0);
  return { ...opCase, inputs: { ...opCase.inputs, m: rest, v: rest } };
}

kernelSuite("adamwStep", [
  stepped("", { grad: normal([1]) }),
  stepped("", { grad: normal([3, 7]) }),
  stepped("", { grad: normal([33, 67]) }),
  stepped("", { grad: normal([192, 768]) }),
  stepped("clipped, ", { grad: normal([3, 7]), norm: 20, attrs: { maxGradNorm: 1 } }),
  stepped("within the norm, ", { grad: normal([3, 7]), norm: 0.5, attrs: { maxGradNorm: 1 } }),
  stepped("no decay, ", { grad: normal([3, 7]), attrs: { weightDecay: 0 } }),
  stepped("rate 0, ", { grad: normal([3, 7]), attrs: { learningRate: 0 } }),
  stepped("step 100,000, ", { grad: normal([3, 7]), attrs: { step: 100_000 } }),
  first("first step, ", normal([3, 7])),
  first("first step, zero gradient, ", fixed([3, 7], 0)),
  first("first step, gradients of 1e-12, ", normal([3, 7], { deviation: 1e-12 })),
]);
