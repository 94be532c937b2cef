import { gruGate } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function gated(shape: number[], deviation = 1): OpCase {
  return {
    name: `[${shape}], deviation ${deviation}`,
    inputs: { x: normal(shape, { deviation }), factor: normal(shape.slice(-2, -1), { seed: 2 }) },
    run: ({ x, factor }) => gruGate(x!, factor!),
  };
}

/** Sigmoids that are 0 or 1 in single precision. */
function saturated(): OpCase {
  const opCase = gated([2, 2, 2, 8]);
  const x = fixed([2, 2, 2, 8], [200, 200, 200, 200, -200, -200, -200, -200]);
  return { ...opCase, name: "saturated", inputs: { ...opCase.inputs, x } };
}

kernelSuite("gruGate", [
  gated([1, 1, 2]),
  gated([2, 3, 2, 6]),
  gated([2, 3, 4, 8]),
  gated([2, 49, 12, 8]),
  gated([3, 130, 5, 8], 3),
  saturated(),
]);
