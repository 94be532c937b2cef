/**
 * A forward pass and a whole training step of a preset, noise in, clips of one length.
 *
 *     deno run bench/training_step_bench.ts [--model small] [--batch 8] [--seconds 1] [--threads N] [--plain] [--profile]
 *     deno run bench/training_step_bench.ts --backend webgpu [--model small] [--batch 8] [--seconds 1] [--json]
 *
 * The arithmetic of a step is three times that of a forward pass, twice where nothing before a layer needs a
 * gradient; the ratio shows what is lost beyond that. `--profile` prints what each kernel took of a step. On
 * WebGPU it counts runs, submissions and memory too, and prints them as JSON if asked.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import { parseArgs } from "node:util";
import type { WasmBackend } from "../src/kernels/wasm/backend.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { AdamW } from "../src/train/step/optimizer.ts";
import { type PresetName, PRESETS } from "../src/train/options/presets.ts";
import { forwardPass, trainingStep } from "./_model_runs.ts";
import { noiseBatch } from "./_noise.ts";
import { measureWebgpuStep, webgpuStepLines } from "./_webgpu_step.ts";

const ROUNDS = 7;
/** Best and median of some rounds; the first, which compiles, is left out. */
function timesOf(run: () => void): { best: number; median: number } {
  const times = Array.from({ length: ROUNDS + 1 }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  }).slice(1).sort((a, b) => a - b);
  return { best: times[0]!, median: times[ROUNDS >> 1]! };
}

/** Adds up the time of every dispatch by the name of its kernel. */
function profile(backend: WasmBackend, run: () => void): [string, number][] {
  const spent = new Map<string, number>();
  const dispatch = backend.dispatch.bind(backend);
  backend.dispatch = (...call) => {
    const start = performance.now();
    dispatch(...call);
    spent.set(call[0], (spent.get(call[0]) ?? 0) + performance.now() - start);
  };
  const start = performance.now();
  run();
  spent.set("everything", performance.now() - start);
  backend.dispatch = dispatch;
  return [...spent].sort(([, a], [, b]) => b - a);
}

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    json: { type: "boolean", default: false },
    model: { type: "string", default: "small" },
    batch: { type: "string", default: "8" },
    seconds: { type: "string", default: "1" },
    threads: { type: "string", default: "1" },
    plain: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
  },
});
if (values.backend === "webgpu") {
  const row = await measureWebgpuStep({
    model: values.model as PresetName,
    batch: Number(values.batch),
    seconds: Number(values.seconds),
  });
  console.log(values.json ? JSON.stringify(row) : webgpuStepLines(row).join("\n"));
  Deno.exit();
}
const device = await startWasm({
  threads: Number(values.threads),
  relaxedSimd: values.plain ? false : undefined,
});
const preset = PRESETS[values.model as PresetName];
const model = await buildModel(preset.config, { labels: ["a", "b", "c", "d"] });
const rate = preset.preprocessor.sampling_rate as number;
const batch = noiseBatch([Number(values.batch), Math.round(rate * Number(values.seconds))]);
const optimizer = new AdamW(model.parameters);
console.log(`${device.description}; ${values.model}, ${values.batch} x ${values.seconds} s`);
const inference = timesOf(() => forwardPass(model, batch));
const training = timesOf(() => trainingStep(model, optimizer, batch));
const backend = engine().backend as WasmBackend;
const { totalBytes, usedBytes } = backend.memoryUse();
for (const [name, { best, median }] of Object.entries({ forward: inference, step: training })) {
  console.log(`${name.padEnd(10)} best ${best.toFixed(1)} ms  median ${median.toFixed(1)} ms`);
}
console.log(`ratio ${(training.best / inference.best).toFixed(2)}`);
console.log(
  `memory ${(totalBytes / 2 ** 20).toFixed(0)} MiB, in use between steps ` +
    `${(usedBytes / 2 ** 20).toFixed(0)} MiB`,
);
if (values.profile) {
  for (const [name, ms] of profile(backend, () => trainingStep(model, optimizer, batch))) {
    console.log(`${name.padEnd(20)} ${ms.toFixed(2).padStart(9)} ms`);
  }
}
optimizer.dispose();
device.dispose();
