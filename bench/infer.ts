/**
 * Times whole models at inference, samples to scores, each row in a process of its own, peers beside it.
 *
 *     deno task bench:infer [--model DIR|small|base] [--dtype f32] [--seconds 1,5,10] [--threads 1] [--batch 1]
 *       [--backend wasm|webgpu] [--rounds N] [--peers] [--python python3] [--json]
 *
 * `loadMs` and `firstMs` count from the start of the process; `rssMb` is the most that was resident until the first
 * answer. Counted is arithmetic of the kernels (`src/flops.ts`), the peak is that of `_fma_peak.ts`.
 *
 * @module
 */
import { type BenchOptions, runBench } from "./_bench_command.ts";
import { measureOnnxruntimeWeb, measureStockTfjs, measureTorch } from "./peers/peers.ts";

const options: BenchOptions = {
  task: "infer",
  script: "_infer_row.ts",
  defaults: { batch: "1", seconds: "1,5,10", rounds: "15" },
  peers: [measureOnnxruntimeWeb, measureStockTfjs, measureTorch],
};
Deno.exitCode = await runBench(Deno.args, options);
