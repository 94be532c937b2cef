import { crossEntropy, type CrossEntropyAttrs } from "../../src/kernels.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function classified(
  name: string,
  logits: NdArray,
  options: Partial<CrossEntropyAttrs> = {},
): OpCase {
  const [batch, classes] = logits.shape as [number, number];
  const labels = Array.from({ length: batch }, (_, b) => (b * 7 + 2) % classes);
  return {
    name: `${name}[${logits.shape}]`,
    inputs: { logits },
    integers: { labels: fixed([batch], labels) },
    run: ({ logits, labels }) => crossEntropy(logits!, labels!, options),
  };
}

kernelSuite("crossEntropy", [
  classified("", normal([1, 1])),
  classified("", normal([3, 5])),
  classified("", normal([7, 14], { deviation: 3 })),
  classified("normalizer 11, ", normal([3, 5]), { normalizer: 11 }),
  classified("smoothing 0.1, ", normal([3, 5]), { labelSmoothing: 0.1 }),
  classified("smoothing 0.3, ", normal([8, 35]), { labelSmoothing: 0.3, normalizer: 16 }),
  classified("focus 2, ", normal([7, 14], { deviation: 2 }), { focus: 2 }),
  classified("focus 0.5, smoothing 0.1, ", normal([5, 6]), { focus: 0.5, labelSmoothing: 0.1 }),
  classified("focus 3, logits of 1e4, ", normal([4, 7], { deviation: 1e4 }), { focus: 3 }),
  classified("", normal([65, 527])),
  classified("logits of 1e4, ", normal([4, 7], { deviation: 1e4 })),
  { ...classified("around 1e4, ", normal([4, 7], { mean: 1e4 })), isSteep: true },
  classified("all equal, ", fixed([3, 9], 2)),
  classified("denormal, ", normal([3, 9], { deviation: 1e-40 })),
]);
