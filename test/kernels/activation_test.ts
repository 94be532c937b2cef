import { type Activation, activation } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function activated(name: string, x: NdArray, kind: Activation): OpCase {
  return {
    name: `${kind} of ${name}[${x.shape}]`,
    inputs: { x },
    run: ({ x }) => activation(x!, kind),
  };
}

/** From far below to far above where GELU bends, in uneven steps. */
const SWEEP = Array.from({ length: 2001 }, (_, i) => (i - 1000.3) / 100);

kernelSuite("activation", [
  activated("", normal([1]), "gelu"),
  activated("", normal([2, 3, 7]), "gelu"),
  activated("", normal([2, 3, 7]), "relu"),
  activated("", normal([2, 3, 7]), "silu"),
  activated("", normal([2, 3, 7]), "none"),
  activated("", normal([3, 49, 257]), "gelu"),
  activated("", normal([3, 49, 257]), "relu"),
  activated("", normal([3, 49, 257]), "silu"),
  { ...activated("-10 to 10, ", fixed([2001], SWEEP), "gelu"), forwardTolerance: 1e-6 },
  { ...activated("-10 to 10, ", fixed([2001], SWEEP), "silu"), forwardTolerance: 1e-6 },
  activated("", normal([3, 49, 257]), "tanh"),
  { ...activated("-10 to 10, ", fixed([2001], SWEEP), "tanh"), forwardTolerance: 1e-6 },
  { ...activated("1e4, ", fixed([5], [-1e4, 1e4, -1e30, 1e30, 0]), "tanh"), isSteep: true },
  { ...activated("1e4, ", fixed([5], [-1e4, 1e4, -1e30, 1e30, 0]), "gelu"), isSteep: true },
  { ...activated("1e4, ", fixed([5], [-1e4, 1e4, -1e30, 1e30, 0]), "silu"), isSteep: true },
  activated("denormals, ", fixed([4], [-1e-40, 1e-40, -1e-45, 1e-45]), "gelu"),
]);
