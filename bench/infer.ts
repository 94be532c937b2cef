/**
 * Times whole models at inference, samples to scores, each row in a process of its own, peers beside it.
 *
 *     deno task bench:infer [--model DIR|small|base] [--dtype f32|f16|q8] [--seconds 1,5,10] [--threads 1] [--batch 1]
 *       [--backend wasm|webgpu] [--rounds N] [--peers | --peer NAME,NAME] [--python python3] [--json]
 *
 * `loadMs` and `firstMs` count from the start of the process; `rssMb` is the most that was resident until the first
 * answer. With `--dtype q8` or `f16` the model is exported first, and peers run in 8 bits where they can. Counted is
 * arithmetic of the kernels (`src/flops.ts`), the peak is that of `_fma_peak.ts`, for bytes in q8.
 *
 * @module
 */
import { type BenchOptions, runBench } from "./_bench_command.ts";
import {
  measureOnnxruntimeWeb,
  measureOnnxruntimeWebInt8,
  measureStockTfjs,
  measureTorch,
} from "./peers/peers.ts";

const options: BenchOptions = {
  task: "infer",
  scripts: { whole: "_infer_row.ts" },
  dtypes: ["f32", "f16", "q8"],
  defaults: { batch: "1", seconds: "1,5,10", rounds: "15" },
  peers: {
    "onnxruntime-web": measureOnnxruntimeWeb,
    "onnxruntime-web-all": measureOnnxruntimeWebInt8("all"),
    "onnxruntime-web-matmul": measureOnnxruntimeWebInt8("MatMul"),
    "stock-tfjs": measureStockTfjs,
    "pytorch": measureTorch,
  },
};
Deno.exitCode = await runBench(Deno.args, options);
