/**
 * What further heads on one backbone cost: products counted, and processor time of whole answers.
 *
 * Heads have 10 classes each; the clip has 1 s.
 *
 * @module
 */
import process from "node:process";
import { pipeline } from "../src/classify/pipeline.ts";
import { countFlops } from "../src/flops.ts";
import { Random } from "../src/random.ts";
import { fromWhereTyped } from "./_process.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";

/** `heads`. */
export const question: Question = {
  asks: "What do 50 heads on one backbone cost beside one?",
  options: {
    model: { help: "the backbone, a model directory", default: "models/voice_menu" },
    heads: { help: "how many", default: "50" },
    clips: { help: "clips of each measurement", default: "50" },
  },
  answer,
};

const CLASSES = 10;
const ROUNDS = 5;

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const model = fromWhereTyped(options.text("model"));
  const [heads, clips] = [options.count("heads"), options.count("clips")];
  const classifier = await pipeline("audio-classification", model, { heads: {} });
  const rateHz = classifier.extractor.samplingRate;
  const random = new Random(1);
  const clip = Float32Array.from({ length: rateHz }, () => 0.1 * random.normal());
  const batch = { ...classifier.extractor.extract([clip]), attentionMask: undefined };
  const { model: backbone } = classifier;
  for (const count of [1, heads]) {
    let found: Promise<unknown> | undefined;
    // The backbone's own head, which has a projector: dearer than those that are fitted here.
    const used = Array.from({ length: count }, () => backbone);
    const products = countFlops(() => void (found = backbone.headOutputs(batch, used)));
    await found;
    yield rowOf(`products of a clip, ${count} of the model's own heads`, products / 1e9, "GFLOP");
  }
  const vectors = Array.from({ length: CLASSES }, () => {
    return Float32Array.from({ length: backbone.featureSize }, () => random.normal());
  });
  const examples = { vectors, labels: vectors.map((_, i) => `${i}`), l2: 1 };
  const input = { samples: clip, samplingRate: rateHz };
  const timeOf = async () => {
    const started = process.cpuUsage();
    for (let i = 0; i < clips; i++) await classifier.heads.classify(input);
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1_000 / clips;
  };
  const least = async () => {
    const rounds: number[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await timeOf());
    return Math.min(...rounds);
  };
  await classifier.heads.fit("0", examples);
  notes.progress("one head");
  await timeOf();
  const one = await least();
  for (let i = 1; i < heads; i++) await classifier.heads.fit(`${i}`, examples);
  notes.progress(`${heads} heads`);
  const all = await least();
  yield rowOf("processor time of a clip, one head", one, "ms");
  yield rowOf(`processor time of a clip, ${heads} heads`, all, "ms");
  classifier.dispose();
}
