/**
 * What a forward pass and a training step of each architecture cost for their arithmetic, at a like size.
 *
 * Hidden size 192, four layers, seven convolutions of 128 channels, WASM on one thread. Models that take samples get
 * eight clips of a second; Whisper and the Audio Spectrogram Transformer one spectrogram of their own length, 30 and
 * 10.24 s. The ratio is that of milliseconds for each operation to Wav2Vec2's, over pairs measured in turn.
 *
 * @module
 */
import { countFlops } from "../src/flops.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { type AudioClassificationModel, buildModel } from "../src/models/mod.ts";
import type { Batch } from "../src/train/batches/batches.ts";
import { AdamW } from "../src/train/step/optimizer.ts";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "../test/model_recipes.ts";
import { LABELS } from "./_models.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { noiseBatch } from "./_process.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { median, medianRatio, timeInTurn } from "./_timing.ts";
import { forwardPass, trainingStep } from "./_training_step.ts";

const BASELINE = "wav2vec2";

const SIZE: ModelSize = {
  hidden: 192,
  layers: 4,
  heads: 4,
  wide: 768,
  convolutions: { channels: 128, widths: [10, 3, 3, 3, 3, 2, 2], strides: [5, 2, 2, 2, 2, 2, 2] },
  positions: { width: 128, groups: 16 },
  samplingRate: 16_000,
  ast: { frames: 1_024, bands: 128 },
  ced: { frames: 1_012, bands: 64, patch: 16 },
  pairs: { bands: 80 },
  whisper: { seconds: 30, bands: 80 },
  initializerRange: 0.02,
};

/** `architectures`. */
export const question: Question = {
  asks: "Does each architecture cost what its arithmetic says, forward and in a training step?",
  options: {
    clips: { help: "clips at once, of models that take samples", default: "8" },
    seconds: { help: "of each clip", default: "1" },
    rounds: { help: "timed runs of each", default: "7" },
    only: { help: "architectures, separated by commas", default: MODEL_TYPES.join(",") },
  },
  answer,
};

/** Input of the models that take samples. */
interface Amount {
  clips: number;
  seconds: number;
}

interface Candidate {
  modelType: string;
  model: AudioClassificationModel;
  batch: Batch;
  optimizer: AdamW;
  /** Operations of a forward pass. */
  flops: number;
}

function inputShape(modelType: string, { clips, seconds }: Amount): number[] {
  if (modelType === "whisper") return [1, 100 * SIZE.whisper.seconds, SIZE.whisper.bands];
  if (modelType.startsWith("audio-")) return [1, SIZE.ast.frames, SIZE.ast.bands];
  if (modelType === "ced") return [1, SIZE.ced.frames, SIZE.ced.bands];
  if (modelType === "efficientat") return [clips, 100 * seconds, SIZE.ced.bands];
  if (modelType === "wav2vec2-bert") return [clips, 50 * seconds, 2 * SIZE.pairs.bands];
  return [clips, SIZE.samplingRate * seconds];
}

async function candidateOf(modelType: string, amount: Amount): Promise<Candidate> {
  const { config } = modelRecipe(modelType, SIZE);
  const model = await buildModel(config, { labels: [...LABELS] });
  const batch = noiseBatch(inputShape(modelType, amount));
  const flops = countFlops(() => forwardPass(model, batch));
  return { modelType, model, batch, optimizer: new AdamW(model.trainable()), flops };
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const rounds = options.count("rounds");
  const amount = { clips: options.count("clips"), seconds: options.positive("seconds") };
  const types = options.someOf("only", MODEL_TYPES).filter((type) => type !== BASELINE);
  const device = await startWasm({ threads: 1 });
  const baseline = await candidateOf(BASELINE, amount);
  yield* rowsOf(baseline, { baseline, amount, rounds });
  for (const type of types) {
    notes.progress(type);
    const candidate = await candidateOf(type, amount);
    yield* rowsOf(candidate, { baseline, amount, rounds });
    candidate.optimizer.dispose();
    candidate.model.dispose();
  }
  baseline.optimizer.dispose();
  baseline.model.dispose();
  device.dispose();
}

const WORK = {
  "forward pass": ({ model, batch }: Candidate) => forwardPass(model, batch),
  "training step": async ({ model, optimizer, batch }: Candidate) => {
    await trainingStep(model, optimizer, batch);
  },
};

async function* rowsOf(
  candidate: Candidate,
  { baseline, amount, rounds }: { baseline: Candidate; amount: Amount; rounds: number },
): AsyncGenerator<BenchRow> {
  const { modelType, flops } = candidate;
  const input = modelType.startsWith("wh") || modelType.startsWith("audio-")
    ? "one spectrogram"
    : `${amount.clips} x ${amount.seconds} s`;
  for (const [what, run] of Object.entries(WORK)) {
    const both = candidate === baseline ? [candidate] : [candidate, baseline];
    const times = await timeInTurn(both.map((one) => () => run(one)), { rounds });
    const [ours, theirs] = times as [number[], number[]?];
    const row = rowOf(`${modelType}, ${input}: ${what}`, median(ours), "ms");
    if (!theirs) yield row;
    else {
      const perFlop = medianRatio(theirs, ours) * flops / baseline.flops;
      yield besides(row, `${BASELINE}, for each operation`, perFlop);
    }
  }
}
