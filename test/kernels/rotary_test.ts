import { rotary } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function turned(shape: [number, number, number], heads: number, inverse = false): OpCase {
  const angles = normal([shape[1], shape[2] / heads / 2], { seed: 2, deviation: 3 });
  const of = (body: (angle: number) => number): NdArray => {
    return { ...angles, values: angles.values.map((angle) => Math.fround(body(angle))) };
  };
  return {
    name: `[${shape}], ${heads} heads` + (inverse ? ", back" : ""),
    inputs: { x: normal(shape) },
    constants: { cos: of(Math.cos), sin: of(Math.sin) },
    run: ({ x, cos, sin }) => rotary(x!, { cos: cos!, sin: sin! }, { heads, inverse }),
  };
}

kernelSuite("rotary", [
  turned([1, 1, 2], 1),
  turned([2, 3, 8], 2),
  turned([2, 5, 18], 3, true),
  turned([3, 49, 64], 4),
  turned([2, 33, 192], 2, true),
]);
