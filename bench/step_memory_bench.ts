/**
 * Memory of training step after step: whether it stays where it was, and how far above the start it goes.
 *
 *     deno run -A bench/step_memory_bench.ts [--model small] [--batch 8] [--seconds 1] [--steps 1000]
 *       [--peers] [--python python3] [--json]
 *
 * The start is the process with all code loaded and no model. `tensors` and `in use` are what the device holds between
 * steps, `WASM` the size of its memory, which never shrinks; `resident` is the whole process. PyTorch, where
 * asked for, takes as many steps of the same model, and starts when transformers is imported.
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
import { trainingStep } from "./_model_runs.ts";
import { noiseBatch } from "./_noise.ts";
import { measureTorch } from "./peers/peers.ts";
import { withModelDirectory } from "./_rows.ts";
import { peakRssMb } from "./_timing.ts";

const MB = 1e6;
/** Steps that are shown: these, and the last. */
const SHOWN = [1, 10, 100, 200, 400, 600, 800];

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "small" },
    batch: { type: "string", default: "8" },
    seconds: { type: "string", default: "1" },
    steps: { type: "string", default: "1000" },
    peers: { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
    json: { type: "boolean", default: false },
  },
});
const steps = Number(values.steps);
const startMb = Deno.memoryUsage().rss / MB;
const device = await startWasm({ threads: 1 });
const preset = PRESETS[values.model as PresetName];
const model = await buildModel(preset.config, { labels: ["a", "b", "c", "d"] });
const rate = preset.preprocessor.sampling_rate as number;
const batch = noiseBatch([Number(values.batch), Math.round(rate * Number(values.seconds))]);
const optimizer = new AdamW(model.trainable());
const backend = engine().backend as WasmBackend;

function row(step: number) {
  const { totalBytes, usedBytes } = backend.memoryUse();
  return {
    step,
    tensors: engine().memory().numTensors,
    inUseMb: usedBytes / MB,
    wasmMb: totalBytes / MB,
    residentMb: Deno.memoryUsage().rss / MB,
    peakAboveStartMb: peakRssMb() - startMb,
  };
}

if (!values.json) {
  console.log(
    `${values.model}, ${values.batch} x ${values.seconds} s; start ${startMb.toFixed(0)} MB`,
  );
  console.log("step  tensors   in use     WASM  resident  peak above start, MB");
}
for (let step = 1; step <= steps; step++) {
  trainingStep(model, optimizer, batch);
  if (!SHOWN.includes(step) && step !== steps) continue;
  const found = row(step);
  if (values.json) {
    console.log(JSON.stringify({ model: values.model, startMb, ...found }));
    continue;
  }
  const { tensors, inUseMb, wasmMb, residentMb, peakAboveStartMb } = found;
  const cells = [inUseMb, wasmMb, residentMb, peakAboveStartMb].map((mb) =>
    mb.toFixed(1).padStart(8)
  );
  console.log(`${String(step).padStart(4)} ${String(tensors).padStart(8)} ${cells.join(" ")}`);
}
optimizer.dispose();
device.dispose();
if (values.peers) {
  await withModelDirectory(values.model, "f32", async (directories) => {
    const found = await measureTorch(values.python, {
      ...directories,
      ...{
        task: "train",
        dtype: "f32",
        backend: "wasm",
        freeze: "none",
        part: "whole",
        threads: 1,
        rounds: steps,
      },
      ...{ batch: Number(values.batch), seconds: Number(values.seconds) },
    });
    if ("missing" in found) return console.log(found.missing);
    const { peer, startMb = 0, rssMb } = found;
    const peakAboveStartMb = rssMb - startMb;
    if (values.json) console.log(JSON.stringify({ peer, startMb, peakAboveStartMb }));
    else {console.log(
        `${peer}: start ${startMb.toFixed(0)} MB, peak ${peakAboveStartMb.toFixed(0)}`,
      );}
  });
}
