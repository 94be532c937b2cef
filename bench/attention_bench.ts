/**
 * Attention on WASM: forward and gradient, without and with dropout.
 *
 * The rate counts the matrix products alone: two forward, five in the gradient, which computes the
 * scores anew.
 *
 *     deno run bench/attention_bench.ts [--threads N] [--plain]
 *
 * The baseline is `stock_tfjs.ts`.
 *
 * @module
 */
import { tensor1d } from "@tensorflow/tfjs-core";
import { GRADIENT_KERNELS } from "../src/gradients.ts";
import { runAll } from "../src/kernels.ts";
import { startBenchDevice } from "./_device.ts";
import { type Candidate, measure, randomTensor } from "./_measure.ts";
import { ATTENTION_SIZES, type AttentionSize } from "./_sizes.ts";

function candidatesOf({ name, batch, frames, size, heads }: AttentionSize): Candidate[] {
  const [q, k, v, dy] = [0, 1, 2, 3].map(() => randomTensor([batch, frames, size]));
  const lengths = tensor1d(new Int32Array(batch).fill(frames), "int32");
  const product = 2 * batch * frames * frames * size;
  return [0, 0.1].flatMap((dropoutRate) => {
    const scale = 1 / Math.sqrt(size / heads);
    const attrs = { heads, scale, dropoutRate, dropoutSeed: 1 };
    const forward = () => runAll("EarshotAttention", { q, k, v, lengths }, attrs);
    const [context, logSumExp] = forward();
    const saved = { q, k, v, lengths, context, logSumExp, dy };
    const label = `${name}${dropoutRate > 0 ? `, dropout ${dropoutRate}` : ""}`;
    return [
      { name: `${label} forward`, flops: 2 * product, run: forward },
      {
        name: `${label} gradient`,
        flops: 5 * product,
        run: () => runAll(GRADIENT_KERNELS.attention, saved, attrs),
      },
    ];
  });
}

await startBenchDevice();
measure(ATTENTION_SIZES.flatMap(candidatesOf), { rounds: 9 });
