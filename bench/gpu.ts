/**
 * What this machine's GPU makes of the package: whether all of it is right there, how much of the peak its products
 * reach, and training steps beside their peers.
 *
 * One command of some minutes for whoever has a GPU: it carries all it needs, and measures PyTorch, on CUDA where it
 * has that, and stock TensorFlow.js where they are installed. `--software` tries it on an adapter in software.
 *
 * @module
 */
import { engine, type Tensor, zeros } from "@tensorflow/tfjs-core";
import { conv1d, linear } from "../src/kernels.ts";
import type { DeviceBackend } from "../src/kernels/webgpu/_backend.ts";
import { startWebgpu } from "../src/kernels/webgpu/mod.ts";
import { doneMs, gpuPeakFlopsPerMs } from "./_gpu_peak.ts";
import { ROOT, runCli, runDeno } from "./_process.ts";
import { type Notes, Options, type Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";
import { train } from "./whole_models.ts";

const RUNS = 20;
const PARTS = ["parity", "kernels", "products", "steps"] as const;

/** `gpu`. */
export const question: Question = {
  asks:
    "What does this machine's GPU make of it: right results, share of the peak, steps beside peers?",
  options: {
    parts: { help: "some of these, separated by commas", default: PARTS.join(",") },
    models: { help: "presets to train, separated by commas", default: "small,base" },
    python: { help: "Python that has torch", default: "python3" },
    rows: { help: "frames of the products; eight clips of 5 s have 1992", default: "1992" },
    rounds: { help: "timed steps of a process", default: "11" },
    software: { help: "take an adapter in software too" },
  },
  answer,
};

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const parts = options.someOf("parts", PARTS);
  const models = options.someOf("models", ["tiny", "small", "base"]);
  const device = await startWebgpu({ software: options.flag("software") });
  if (!device) {
    throw new RangeError(
      "Cannot measure a GPU: expected a WebGPU adapter, found none but, at most, one in software",
    );
  }
  notes.line(device.description);
  if (parts.includes("parity")) {
    notes.progress("golden cases");
    await runCli(ROOT, "parity", ...await goldenCases(), "--backend", "webgpu");
    notes.line("Golden cases of PyTorch: all within limits");
  }
  if (parts.includes("kernels")) {
    notes.progress("kernels");
    await runDeno("test", "-A", "--quiet", "--filter", "webgpu", "test/kernels/");
    notes.line("Kernels beside their references: all passed");
  }
  if (parts.includes("products")) yield* productRows(options.count("rows"), notes);
  device.dispose();
  if (!parts.includes("steps")) return;
  for (const model of models) yield* stepRows(model, options, notes);
}

/** The folders of `test/golden` that `parity` takes. */
async function goldenCases(): Promise<string[]> {
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}/test/golden`)) {
    const folder = `${ROOT}/test/golden/${name}`;
    const isCase = () => Deno.stat(`${folder}/config.json`).then(() => true, () => false);
    if (isDirectory && await isCase()) folders.push(folder);
  }
  return folders.sort();
}

/** A product of `base`: operations of a row, and its inputs. */
interface Product {
  flopsPerRow: number;
  inputs(rows: number): [Tensor, Tensor];
  run(x: Tensor, weight: Tensor): Tensor;
}

const PRODUCTS: Readonly<Record<string, Product>> = {
  "linear 768 to 768": linearOf(768, 768),
  "linear 768 to 3072": linearOf(768, 3072),
  "linear 3072 to 768": linearOf(3072, 768),
  "convolution of 512 by 3, every second": {
    flopsPerRow: 2 * 512 * 512 * 3,
    inputs: (rows) => [zeros([1, 2 * rows + 1, 512]), zeros([512, 512, 3])],
    run: (x, weight) => conv1d(x, weight, { stride: 2 }),
  },
};

function linearOf(inner: number, outer: number): Product {
  return {
    flopsPerRow: 2 * inner * outer,
    inputs: (rows) => [zeros([rows, inner]), zeros([outer, inner])],
    run: (x, weight) => linear(x, weight),
  };
}

async function* productRows(rows: number, notes: Notes): AsyncGenerator<BenchRow> {
  notes.progress("products");
  const backend = engine().backend as DeviceBackend;
  const peak = await gpuPeakFlopsPerMs();
  yield rowOf("multiply-adds between registers, a second", peak / 1e6, "GFLOP");
  for (const [name, { flopsPerRow, inputs, run }] of Object.entries(PRODUCTS)) {
    const [x, weight] = inputs(rows);
    const once = () => run(x, weight).dispose();
    await doneMs(backend, once); // compiles
    const ms = await doneMs(backend, () => {
      for (let i = 0; i < RUNS; i++) once();
    });
    for (const input of [x, weight]) input.dispose();
    yield rowOf(`${name}, ${rows} rows: of that`, 100 * RUNS * rows * flopsPerRow / ms / peak, "%");
  }
}

/** Whole steps beside PyTorch, and those of the layers alone beside stock TensorFlow.js. */
async function* stepRows(model: string, options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const shared = ["--model", model, "--backend", "webgpu", "--rounds", options.text("rounds")];
  const whole = [...shared, "--peer", "pytorch", "--python", options.text("python")];
  yield* train.answer(new Options(whole, train.options), notes);
  const blocks = [...shared, "--part", "blocks", "--peer", "stock-tfjs"];
  yield* train.answer(new Options(blocks, train.options), notes);
}
