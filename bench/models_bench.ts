/**
 * A forward pass and a training step of each architecture at a like size, and what each costs for its arithmetic.
 *
 *     deno run --allow-read --allow-write bench/models_bench.ts [--clips 8] [--seconds 1] [--rounds 3]
 *       [--json FILE] [--only MODEL_TYPE]
 *
 * Hidden size 192, four layers, seven convolutions of 128 channels, WASM on one thread. Models that hear samples get
 * eight clips of a second; Whisper and the Audio Spectrogram Transformer one spectrogram of their own length, 30 and
 * 10.24 s. Arithmetic is counted over the kernels of a forward pass (`src/flops.ts`); a step does three times as
 * much. All models take their turn in each round, and the best round counts.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { countFlops } from "../src/flops.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { type AudioClassificationModel, buildModel } from "../src/models/mod.ts";
import type { Batch } from "../src/train/batches/batches.ts";
import { AdamW } from "../src/train/step/optimizer.ts";
import { forwardPass, trainingStep } from "./_model_runs.ts";
import { noiseBatch } from "./_noise.ts";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "./eleven_models.ts";

const BASELINE = "wav2vec2";
const STEP_FLOPS = 3;

const SIZE: ModelSize = {
  hidden: 192,
  layers: 4,
  heads: 4,
  wide: 768,
  convolutions: { channels: 128, widths: [10, 3, 3, 3, 3, 2, 2], strides: [5, 2, 2, 2, 2, 2, 2] },
  positions: { width: 128, groups: 16 },
  samplingRate: 16_000,
  ast: { frames: 1_024, bands: 128 },
  whisper: { seconds: 30, bands: 80 },
  initializerRange: 0.02,
};

interface Candidate {
  model: AudioClassificationModel;
  batch: Batch;
  optimizer: AdamW;
  timing: Timing;
}

interface Timing {
  modelType: string;
  /** Shape of the input. */
  input: number[];
  parameters: number;
  /** Of a forward pass. */
  gflop: number;
  forwardMs: number;
  stepMs: number;
}

/** How much the models get that hear samples. */
interface Amount {
  clips: number;
  seconds: number;
}

function inputShape(modelType: string, { clips, seconds }: Amount): number[] {
  if (modelType === "whisper") return [1, 100 * SIZE.whisper.seconds, SIZE.whisper.bands];
  if (modelType.startsWith("audio-")) return [1, SIZE.ast.frames, SIZE.ast.bands];
  return [clips, SIZE.samplingRate * seconds];
}

async function candidateOf(modelType: string, amount: Amount): Promise<Candidate> {
  const { config } = modelRecipe(modelType, SIZE);
  const model = await buildModel(config, { labels: ["a", "b", "c", "d"] });
  const batch = noiseBatch(inputShape(modelType, amount));
  const timing: Timing = {
    modelType,
    input: batch.shape,
    parameters: model.parameterCount,
    gflop: await countFlops(() => forwardPass(model, batch)) / 1e9,
    forwardMs: Infinity,
    stepMs: Infinity,
  };
  return { model, batch, optimizer: new AdamW(model.trainable()), timing };
}

function elapsedMs(run: () => void): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}

function measureOnce({ model, batch, optimizer, timing }: Candidate): void {
  const forwardMs = elapsedMs(() => forwardPass(model, batch));
  const stepMs = elapsedMs(() => trainingStep(model, optimizer, batch));
  timing.forwardMs = Math.min(timing.forwardMs, forwardMs);
  timing.stepMs = Math.min(timing.stepMs, stepMs);
}

function row(timing: Timing, baseline: Timing): string {
  const perForward = (of: Timing): number => of.forwardMs / of.gflop;
  const perStep = (of: Timing): number => of.stepMs / of.gflop / STEP_FLOPS;
  const cells = [
    `\`${timing.modelType}\``,
    timing.input.join(" x "),
    timing.gflop.toFixed(2),
    timing.forwardMs.toFixed(0),
    perForward(timing).toFixed(1),
    (perForward(timing) / perForward(baseline)).toFixed(2),
    timing.stepMs.toFixed(0),
    perStep(timing).toFixed(1),
    (perStep(timing) / perStep(baseline)).toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}

const { values } = parseArgs({
  options: {
    clips: { type: "string", default: "8" },
    seconds: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
    only: { type: "string" },
  },
});
const device = await startWasm({ threads: 1 });
const types = MODEL_TYPES.filter((type) =>
  !values.only || type === values.only || type === BASELINE
);
const candidates: Candidate[] = [];
const amount = { clips: Number(values.clips), seconds: Number(values.seconds) };
for (const type of types) candidates.push(await candidateOf(type, amount));
for (let round = 0; round < Number(values.rounds); round++) candidates.forEach(measureOnce);
const timings = candidates.map(({ timing }) => timing);
const baseline = timings.find(({ modelType }) => modelType === BASELINE)!;
console.log(device.description);
console.log(
  "| architecture | input | GFLOP | forward, ms | ms per GFLOP | relative | step, ms | ms per GFLOP | relative |",
);
console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const timing of timings) console.log(row(timing, baseline));
if (values.json) await Deno.writeTextFile(values.json, JSON.stringify(timings, null, 2) + "\n");
for (const { model, optimizer } of candidates) {
  optimizer.dispose();
  model.dispose();
}
device.dispose();
