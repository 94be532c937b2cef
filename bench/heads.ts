/**
 * What further heads on one backbone cost: products counted, and processor time of whole answers.
 *
 * Heads have 10 classes each; the clip has 1 s.
 *
 * @module
 */
import process from "node:process";
import type { HeadedClassifier } from "../src/classify/heads.ts";
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
    clips: { help: "clips before anything is measured", default: "300" },
  },
  answer,
};

const CLASSES = 10;
/** Other work comes and goes: few clips of each by turns meet the same of it. */
const PAIRS = 150;
const PAIR_CLIPS = 5;

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
    const products = countFlops(() =>
      void (found = backbone.headOutputs(batch, backbone.joinHeads(used)))
    );
    await found;
    yield rowOf(`products of a clip, ${count} of the model's own heads`, products / 1e9, "GFLOP");
  }
  classifier.dispose();
  const [one, all] = [await classifierOf(model, 1), await classifierOf(model, heads)];
  const input = { samples: clip, samplingRate: rateHz };
  for (const each of [one, all]) await timeOf(each, input, clips);
  const times: [number, number][] = [];
  while (times.length < PAIRS) {
    notes.progress(`${times.length} of ${PAIRS} pairs`);
    times.push([await timeOf(one, input, PAIR_CLIPS), await timeOf(all, input, PAIR_CLIPS)]);
  }
  const [least, leastOfAll] = [0, 1].map((i) => Math.min(...times.map((pair) => pair[i]!)));
  yield rowOf("processor time of a clip, one head", least!, "ms");
  yield rowOf(`processor time of a clip, ${heads} heads`, leastOfAll!, "ms");
  const ratios = times.map(([one, all]) => all / one).sort((a, b) => a - b);
  const more = 100 * (ratios[PAIRS / 2]! - 1);
  yield rowOf(`what ${heads} heads take more than one, median of pairs`, more, "%");
  for (const each of [one, all]) each.dispose();
}

async function classifierOf(model: string, heads: number): Promise<HeadedClassifier> {
  const classifier = await pipeline("audio-classification", model, { heads: {} });
  const random = new Random(2);
  const vectors = Array.from({ length: CLASSES }, () => {
    return Float32Array.from({ length: classifier.model.featureSize }, () => random.normal());
  });
  const examples = { vectors, labels: vectors.map((_, i) => `${i}`), l2: 1 };
  for (let i = 0; i < heads; i++) await classifier.heads.fit(`${i}`, examples);
  return classifier;
}

/** Milliseconds of the processor for a clip. */
async function timeOf(
  { heads }: HeadedClassifier,
  input: { samples: Float32Array; samplingRate: number },
  clips: number,
): Promise<number> {
  const started = process.cpuUsage();
  for (let i = 0; i < clips; i++) await heads.classify(input);
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1_000 / clips;
}
