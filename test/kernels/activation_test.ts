import { type Activation, activation, ACTIVATIONS } from "../../src/kernels.ts";
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

/** From far below to far above where the functions bend, in uneven steps. */
const SWEEP = fixed([2001], Array.from({ length: 2001 }, (_, i) => (i - 1000.3) / 100));

/** Where they bend and, so far that exponentials and cubes leave single precision, where they do not. */
const EDGES = [-3, 3, 6, 10, 20, -90, 90, -1e4, 1e4, -1e18, 1e18, 0];

kernelSuite("activation", [
  activated("", normal([2, 3, 7]), "none"),
  activated("", normal([3, 49, 257]), "gelu"),
  activated("", normal([3, 49, 257]), "relu"),
  activated("", normal([3, 49, 257]), "silu"),
  ...ACTIVATIONS.flatMap((kind): OpCase[] => [
    activated("", normal([1]), kind),
    activated("", normal([2, 3, 7]), kind),
    { ...activated("-10 to 10, ", SWEEP, kind), forwardTolerance: 1e-6 },
    { ...activated("edges, ", fixed([12], EDGES), kind), isSteep: true },
    {
      ...activated("denormals, ", fixed([4], [-1e-40, 1e-40, -1e-45, 1e-45]), kind),
      isSteep: true,
    },
  ]),
]);
