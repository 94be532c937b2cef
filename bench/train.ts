/**
 * Times whole training steps, each row in a process of its own, peers beside it.
 *
 *     deno task bench:train [--model DIR|small|base] [--dtype f32] [--batch 8] [--seconds 1] [--threads 1]
 *       [--backend wasm|webgpu] [--freeze none|encoder] [--part whole|blocks] [--rounds N]
 *       [--peers | --peer NAME,NAME] [--python python3] [--json]
 *
 * A step is the trainer's: loss, gradients, clipping, AdamW, and the loss read back. `loadMs` and `firstMs` count
 * from the start of the process; `rssMb` is the most that was resident until the last step. Only PyTorch can train
 * all of the model as we do; `--part blocks` is what stock tfjs and jax-js can too (`_blocks.ts`).
 *
 * @module
 */
import { type BenchOptions, runBench } from "./_bench_command.ts";
import { measureJaxJs, measureStockTfjsBlocks, measureTorch } from "./peers/peers.ts";

const options: BenchOptions = {
  task: "train",
  scripts: { whole: "_train_row.ts", blocks: "_blocks_row.ts" },
  dtypes: ["f32"],
  defaults: { batch: "8", seconds: "1", rounds: "11" },
  peers: { pytorch: measureTorch, "jax-js": measureJaxJs, "stock-tfjs": measureStockTfjsBlocks },
};
Deno.exitCode = await runBench(Deno.args, options);
