/**
 * What windows that overlap cost: `detect()` on windows that share work, beside the same windows, each by itself.
 *
 * Windows of which nothing lies alike, because the hop is a sample longer, share nothing and are as many. The models
 * have random weights: a preset whose convolutions have layer norms and whose extractor does not normalise, and the mel
 * frames of AST and Whisper, without the model behind them. Products are counted beside what they should be: the
 * convolutions of the recording once, and the rest of the model for each window.
 *
 * @module
 */
import { createClassifier } from "../src/classify/classifier.ts";
import {
  ASTFeatureExtractor,
  type FeatureExtractor,
  Wav2Vec2FeatureExtractor,
  WhisperFeatureExtractor,
} from "../src/features/mod.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildInferenceModel, type InferenceModel } from "../src/models/mod.ts";
import { PRESETS } from "../src/train/options/presets.ts";
import { counted } from "../test/counted_model.ts";
import { LABELS } from "./_models.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { median, timeInTurn } from "./_timing.ts";

/** `overlap`. */
export const question: Question = {
  asks: "What do windows save by the work that they share?",
  options: {
    model: { help: "a preset", default: "small" },
    windows: { help: "how many", default: "20" },
    rounds: { help: "of timing", default: "3" },
    threads: { help: "threads of WASM", default: "1" },
  },
  answer,
};

const RATE_HZ = 16_000;
const WINDOW = 2 * RATE_HZ;
const HOP = RATE_HZ / 2;

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const windows = options.count("windows");
  const timing = { rounds: options.count("rounds"), warmUpMs: 0 };
  const samples = noise(WINDOW + (windows - 1) * (HOP + 1));
  const setting = `${windows} windows of 2 s every 0.5 s`;
  const bySelf = "windows by themselves";
  for (const extractor of [new ASTFeatureExtractor(), new WhisperFeatureExtractor()]) {
    const runs = [HOP, HOP + 1].map((hop) => () => extractAll(extractor, samples, hop, windows));
    const [shared, alone] = (await timeInTurn(runs, timing)).map(median) as [number, number];
    const row = rowOf(`mel frames of ${extractor.type}, ${setting}`, shared, "ms");
    yield besides(row, bySelf, alone / shared);
  }
  const preset = options.oneOf("model", ["tiny", "small", "base"]);
  notes.progress(preset);
  const device = await startWasm({ threads: options.count("threads") });
  const config = { ...PRESETS[preset].config, feat_extract_norm: "layer" };
  const model = await buildInferenceModel(config, { labels: [...LABELS], seed: 1 });
  const name = `${preset} with layer norms, ${setting}`;
  const { found, expected } = await countProducts(model, samples, windows);
  yield besides(
    rowOf(`${name}: products`, found / 1e9, "GFLOP"),
    "convolutions once, the rest for each",
    expected / found,
  );
  const runs = [HOP, HOP + 1].map((hop) => () => detectAll(model, samples, hop, windows));
  const [shared, alone] = (await timeInTurn(runs, timing)).map(median) as [number, number];
  yield besides(rowOf(`${name}: time`, shared, "ms"), bySelf, alone / shared);
  model.dispose();
  device.dispose();
}

const EXTRACTOR = new Wav2Vec2FeatureExtractor({ samplingRate: RATE_HZ, doNormalize: false });

function extractAll(
  { windows: shared }: FeatureExtractor,
  samples: Float32Array,
  hop: number,
  windows: number,
): void {
  const extract = shared!.begin();
  for (let i = 0; i < windows; i++) {
    const start = i * hop;
    extract([{ start, samples: samples.subarray(start, start + WINDOW) }]);
  }
}

async function detectAll(
  model: InferenceModel,
  samples: Float32Array,
  hop: number,
  windows: number,
): Promise<void> {
  const classifier = createClassifier(model, EXTRACTOR);
  const events = classifier.detect(samples.subarray(0, WINDOW + (windows - 1) * hop), {
    samplingRate: RATE_HZ,
    windowSeconds: WINDOW / RATE_HZ,
    hopSeconds: hop / RATE_HZ,
    threshold: 1,
  });
  for await (const _ of events);
}

async function countProducts(model: InferenceModel, samples: Float32Array, windows: number) {
  const recording = samples.subarray(0, WINDOW + (windows - 1) * HOP);
  const window = EXTRACTOR.extract([samples.subarray(0, WINDOW)]);
  const productsOf = async (body: (counting: InferenceModel) => Promise<unknown>) => {
    const counting = counted(model);
    await body(counting.model);
    return counting.flops();
  };
  const once = await productsOf((counting) => counting.convFeatures(recording));
  const own = await productsOf((counting) => counting.convFeatures(window.inputValues));
  const whole = await productsOf((counting) => counting.logits(window));
  const found = await productsOf((counting) => detectAll(counting, samples, HOP, windows));
  return { found, expected: once + windows * (whole - own) };
}

function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
