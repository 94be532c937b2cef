import type { Tensor } from "@tensorflow/tfjs-core";
import { type AdamwAttrs, adamwSteps } from "../../src/kernels.ts";
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
  return {
    name: `${name}[${shape}]`,
    inputs: { ...stateOf(grad, 0), norm: fixed([], norm) },
    run: (tensors) => stepAll(tensors, [{ ...ATTRS, ...attrs }]),
    hasGradient: false,
    forwardTolerance: 1e-6,
  };
}

/** A parameter with its moments, each under its name and the number of the parameter. */
function stateOf(grad: NdArray, n: number): Record<string, NdArray> {
  const { shape } = grad;
  const square = normal(shape, { seed: 4 + n, deviation: 0.1 });
  return {
    [`param${n}`]: normal(shape, { seed: 1 + n }),
    [`grad${n}`]: grad,
    [`m${n}`]: normal(shape, { seed: 3 + n, deviation: 0.1 }),
    [`v${n}`]: { shape, values: square.values.map((value) => Math.fround(value * value)) },
  };
}

function stepAll(tensors: Record<string, Tensor>, steps: AdamwAttrs[]): Tensor[] {
  const states = steps.map((_, n) => ({
    param: tensors[`param${n}`]!,
    grad: tensors[`grad${n}`]!,
    m: tensors[`m${n}`]!,
    v: tensors[`v${n}`]!,
  }));
  return adamwSteps(states, tensors.norm!, steps).flat();
}

/** From rest: `m` and `v` are zero. */
function first(name: string, grad: NdArray): OpCase {
  const opCase = stepped(name, { grad, attrs: { step: 1 } });
  const rest = fixed(grad.shape, 0);
  return { ...opCase, inputs: { ...opCase.inputs, m0: rest, v0: rest } };
}

/** Parameters of different sizes at once, each with a decay and a count of its own. */
function many(count: number): OpCase {
  const grads = Array.from({ length: count }, (_, n) => normal([n + 1, 3 * n + 2], { seed: n }));
  const steps = grads.map((_, n) => ({ ...ATTRS, weightDecay: n / 100, step: n + 1 }));
  return {
    name: `${count} parameters`,
    inputs: Object.assign({ norm: fixed([], 1) }, ...grads.map(stateOf)),
    run: (tensors) => stepAll(tensors, steps),
    hasGradient: false,
    forwardTolerance: 1e-6,
  };
}

kernelSuite("adamwSteps", [
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
  many(2),
  many(17),
]);
