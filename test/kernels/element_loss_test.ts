import { elementLoss, type ElementLossAttrs } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

const KINDS = ["binaryCrossEntropy", "squaredError"] as const;

type Options = Partial<ElementLossAttrs> & Pick<ElementLossAttrs, "kind">;

function compared(logits: NdArray, options: Options): OpCase {
  const targets = options.kind === "squaredError"
    ? normal(logits.shape, { seed: 5 })
    : fixed(logits.shape, [0, 1, 1, 0, 0.25]);
  return {
    name: `[${logits.shape}] ${JSON.stringify(options)}`,
    inputs: { logits },
    constants: { targets },
    run: ({ logits, targets }) => elementLoss(logits!, targets!, options),
  };
}

kernelSuite("elementLoss", [
  ...KINDS.flatMap((kind) => [
    compared(normal([1, 1]), { kind }),
    compared(normal([3, 5]), { kind }),
    compared(normal([7, 14], { deviation: 3 }), { kind, normalizer: 11 }),
    compared(normal([65, 527]), { kind }),
  ]),
  {
    ...compared(normal([4, 7], { deviation: 200 }), { kind: "binaryCrossEntropy" }),
    name: "logits of 200",
  },
]);
