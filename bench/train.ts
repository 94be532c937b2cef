/**
 * Times whole training steps, each row in a process of its own, PyTorch beside it.
 *
 *     deno task bench:train [--model DIR|small|base] [--dtype f32] [--batch 8] [--seconds 1] [--threads 1]
 *       [--backend wasm|webgpu] [--freeze none|encoder] [--rounds N] [--peers] [--python python3] [--json]
 *
 * A step is the trainer's: loss, gradients, clipping, AdamW, and the loss read back. `loadMs` and `firstMs` count
 * from the start of the process; `rssMb` is the most that was resident until the last step.
 *
 * @module
 */
import { type BenchOptions, runBench } from "./_bench_command.ts";
import { measureTorch } from "./peers/peers.ts";

const options: BenchOptions = {
  task: "train",
  script: "_train_row.ts",
  dtypes: ["f32"],
  defaults: { batch: "8", seconds: "1", rounds: "11" },
  peers: [measureTorch],
};
Deno.exitCode = await runBench(Deno.args, options);
