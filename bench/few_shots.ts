/**
 * What can be learnt from few clips: the backbone that comes with the package with a linear head, beside the same
 * architecture with random weights, and its teachers.
 *
 * Heads are fitted as `train --head linear` fits them. Rows are means over the seeds.
 *
 * @module
 */
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { fitLinear } from "../src/heads/linear_fit.ts";
import { Random } from "../src/random.ts";
import { softmax, unlikenessOf } from "../src/scores/mod.ts";
import {
  type Clip,
  digits,
  digitSpeakerOf,
  fewOf,
  sounds,
  type Task,
  words,
  wordSpeakerOf,
} from "./_few_shot_data.ts";
import {
  backbone,
  type Featurizer,
  randomWeights,
  speechEmbedding,
  yamnetScores,
} from "./_few_shot_features.ts";
import type { Options, Question } from "./_question.ts";
import { fromWhereTyped, ROOT } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";

const TASKS = ["sounds", "words", "heard-words", "digits", "unknown"] as const;
const KINDS = ["backbone", "random", "teacher"] as const;

/** `few-shots`. */
export const question: Question = {
  asks: "How much is learnt from few clips with the backbone?",
  options: {
    backbone: { help: "its directory", default: `${ROOT}/models/backbone` },
    sounds: { help: "ESC-10", default: `${ROOT}/../shared/data/esc10` },
    digits: { help: "the Free Spoken Digit Dataset", default: `${ROOT}/../shared/data/fsdd` },
    words: { help: "Arabic Speech Commands", default: "path/to/arabic-speech-commands-dataset" },
    yamnet: { help: "yamnet.tflite", default: "path/to/yamnet.tflite" },
    "speech-embedding": { help: "the folder of its two files", default: "path/to/models" },
    only: { help: "what to learn, separated by commas", default: TASKS.join(",") },
    of: { help: "by whom, separated by commas", default: KINDS.join(",") },
    threads: { help: "threads", default: "1" },
  },
  answer,
};

const SEEDS = [1, 2, 3];
const UNKNOWN_SEEDS = 10;
/** Of many clips, what holds the weights down is not searched for. */
const MANY = 1000;
const MANY_L2 = 10;

async function* answer(options: Options): AsyncGenerator<BenchRow> {
  const device = await startWasm({ threads: Number(options.text("threads")) });
  try {
    const of = await learners(options);
    for (const task of options.someOf("only", TASKS)) yield* ROWS[task](of, options);
  } finally {
    device.dispose();
  }
}

/** Who learns, sounds and speech having teachers of their own. */
interface Learners {
  sounds: Featurizer[];
  speech: Featurizer[];
}

async function learners(options: Options): Promise<Learners> {
  const directory = fromWhereTyped(options.text("backbone"));
  const kinds = options.someOf("of", KINDS);
  const own = [
    ...kinds.includes("backbone") ? [await backbone(directory)] : [],
    ...kinds.includes("random") ? [await randomWeights(directory, 1)] : [],
  ];
  if (!kinds.includes("teacher")) return { sounds: own, speech: own };
  return {
    sounds: [...own, await yamnetScores(fromWhereTyped(options.text("yamnet")))],
    speech: [...own, await speechEmbedding(fromWhereTyped(options.text("speech-embedding")))],
  };
}

type Rows = (of: Learners, options: Options) => AsyncGenerator<BenchRow>;

const ROWS: Readonly<Record<typeof TASKS[number], Rows>> = {
  async *sounds({ sounds: of }, options) {
    const { train, test } = await sounds(fromWhereTyped(options.text("sounds")));
    for (const featurizer of of) {
      const all = await accuracyOf({ train, test }, featurizer);
      yield rowOf(`ESC-10, fold 5: ${featurizer.name}`, 100 * all, "%");
      for (const shots of [5, 8]) {
        const few = await meanOf(
          SEEDS,
          (seed) => accuracyOf({ train: fewOf(train, shots, new Random(seed)), test }, featurizer),
        );
        yield rowOf(`ESC-10, ${shots} clips a class: ${featurizer.name}`, 100 * few, "%");
      }
    }
  },
  async *words({ speech }, options) {
    const task = await words(fromWhereTyped(options.text("words")), { heard: false });
    for (const featurizer of speech) {
      const few = await meanOf(
        SEEDS,
        (seed) =>
          accuracyOf({ ...task, train: fewOf(task.train, 8, new Random(seed)) }, featurizer),
      );
      yield rowOf(`10 unheard words, 8 clips a word: ${featurizer.name}`, 100 * few, "%");
    }
  },
  async *"heard-words"({ speech }, options) {
    const all = await words(fromWhereTyped(options.text("words")), { heard: true });
    const few = (clips: Clip[], count: number) => fewOf(clips, count, new Random(SEEDS[0]!));
    const task = { ...all, train: few(all.train, 60), validation: few(all.validation, 20) };
    for (const featurizer of speech) {
      const { scores, labels } = await outputs(task, featurizer, wordSpeakerOf);
      const accuracy = shareRight(scores(task.test), task.test, labels);
      yield rowOf(`30 heard words, 60 clips a word: ${featurizer.name}`, 100 * accuracy, "%");
      const ece = calibrationError(scores, task, labels);
      yield rowOf(`30 heard words, calibration error: ${featurizer.name}`, ece, "loss");
    }
  },
  async *digits({ speech }, options) {
    const clips = await digits(fromWhereTyped(options.text("digits")));
    for (const featurizer of speech) {
      const few = await meanOf(
        SEEDS,
        (seed) => accuracyOf(twoSpeakers(clips, new Random(seed)), featurizer),
      );
      yield rowOf(`FSDD, 8 clips a digit of two: ${featurizer.name}`, 100 * few, "%");
    }
  },
  async *unknown({ sounds: of }, options) {
    const task = await sounds(fromWhereTyped(options.text("sounds")));
    const seeds = Array.from({ length: UNKNOWN_SEEDS }, (_, i) => i + 1);
    for (const featurizer of of) {
      for (const method of ["energy", "distance"] as const) {
        const area = await meanOf(seeds, (seed) => unknownArea(task, { featurizer, seed, method }));
        yield rowOf(`ESC-10, 3 of 10 unknown, ${method}: ${featurizer.name}`, 100 * area, "%");
      }
    }
  },
};

/** 8 clips a digit of two speakers, tested on the others. */
function twoSpeakers(clips: readonly Clip[], random: Random): Task {
  const speakers = [...new Set(clips.map(digitSpeakerOf))].sort();
  const order = Array.from(random.permutation(speakers.length), (place) => speakers[place]!);
  const known = order.slice(0, 2);
  const own = clips.filter((clip) => known.includes(digitSpeakerOf(clip)));
  const test = clips.filter((clip) => !known.includes(digitSpeakerOf(clip)));
  return { train: fewOf(own, 8, random), test };
}

/** How well what is of none of seven classes is told from what is. */
async function unknownArea(
  { train, test }: Task,
  { featurizer, seed, method }: {
    featurizer: Featurizer;
    seed: number;
    method: "energy" | "distance";
  },
): Promise<number> {
  const labels = [...new Set(train.map(({ label }) => label))].sort();
  const order = new Random(seed).permutation(labels.length);
  const unknown = Array.from(order.subarray(0, 3), (place) => labels[place]!);
  const known = train.filter(({ label }) => !unknown.includes(label));
  const { scores, means, deviations } = await outputs({ train: known, test }, featurizer);
  const measures = await Promise.all(test.map(async (clip, i) => {
    const features = await featurizer.features(clip.file);
    const logits = scores(test)[i]!;
    return method === "energy"
      ? unlikenessOf({ logits }, { method })
      : unlikenessOf({ logits, features }, { method, means, deviations });
  }));
  return areaUnderCurve(measures, test.map(({ label }) => unknown.includes(label)));
}

/** The share of pairs in which what is to be found measures more. */
export function areaUnderCurve(measures: readonly number[], isWanted: readonly boolean[]): number {
  let [pairs, right] = [0, 0];
  for (const [i, wanted] of isWanted.entries()) {
    if (!wanted) continue;
    for (const [j, other] of isWanted.entries()) {
      if (other) continue;
      pairs++;
      right += measures[i]! > measures[j]! ? 1 : measures[i] === measures[j] ? 0.5 : 0;
    }
  }
  return right / pairs;
}

async function meanOf(
  seeds: readonly number[],
  measure: (seed: number) => Promise<number>,
): Promise<number> {
  let sum = 0;
  for (const seed of seeds) sum += await measure(seed);
  return sum / seeds.length;
}

async function accuracyOf(task: Task, featurizer: Featurizer): Promise<number> {
  const { scores, labels } = await outputs(task, featurizer);
  return shareRight(scores(task.test), task.test, labels);
}

function shareRight(scores: number[][], clips: readonly Clip[], labels: string[]): number {
  const right = clips.filter(({ label }, i) => labels[best(scores[i]!)] === label);
  return right.length / clips.length;
}

function best(scores: readonly number[]): number {
  return scores.indexOf(Math.max(...scores));
}

/** A head of the training clips: what it gives for others, and what rejects by distance. */
async function outputs(
  { train, test, validation = [] }: Task & { validation?: Clip[] },
  featurizer: Featurizer,
  groupOf?: (clip: Clip) => string,
) {
  const labels = [...new Set(train.map(({ label }) => label))].sort();
  const vectors = new Map<string, Float32Array>();
  for (const { file } of [...train, ...test, ...validation]) {
    vectors.set(file, await featurizer.features(file));
  }
  const size = featurizer.size();
  const numbers = train.map(({ label }) => labels.indexOf(label));
  const flat = Float64Array.from(train.flatMap(({ file }) => [...vectors.get(file)!]));
  const { weights, biases } = fitLinear(
    { vectors: flat, labels: numbers, classes: labels.length },
    { groups: groupOf && train.map(groupOf), l2: train.length > MANY ? MANY_L2 : undefined },
  );
  const scores = (clips: readonly Clip[]) =>
    clips.map(({ file }) =>
      Array.from(biases, (bias, k) => {
        const row = weights.subarray(k * size, (k + 1) * size);
        return vectors.get(file)!.reduce((sum, value, d) => sum + value * row[d]!, bias);
      })
    );
  return { scores, labels, ...spreadOf(flat, numbers, { size, classes: labels.length }) };
}

/** The mean of each class, and the deviations from them. */
function spreadOf(
  vectors: Float64Array,
  labels: readonly number[],
  { size, classes }: { size: number; classes: number },
): { means: Float32Array; deviations: Float32Array } {
  const means = new Float32Array(classes * size);
  const counts = Array.from(
    { length: classes },
    (_, k) => labels.filter((own) => own === k).length,
  );
  vectors.forEach((value, i) => {
    const label = labels[Math.floor(i / size)]!;
    means[label * size + i % size]! += value / counts[label]!;
  });
  const squares = new Float64Array(size);
  vectors.forEach((value, i) => {
    squares[i % size]! += (value - means[labels[Math.floor(i / size)]! * size + i % size]!) ** 2;
  });
  return {
    means,
    deviations: Float32Array.from(squares, (sum) => Math.sqrt(sum / labels.length) + 1e-6),
  };
}

const BINS = 15;

/** How far scores are from the share that is right, over bins of as many clips, with a temperature of other clips. */
function calibrationError(
  scores: (clips: readonly Clip[]) => number[][],
  { validation, test }: { validation: Clip[]; test: Clip[] },
  labels: string[],
): number {
  const temperature = temperatureOf(scores(validation), validation, labels);
  const judged = scores(test).map((logits, i) => {
    const shares = softmax(logits.map((logit) => logit / temperature));
    const place = best(shares);
    return { score: shares[place]!, isRight: labels[place] === test[i]!.label };
  }).sort((a, b) => a.score - b.score);
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const [from, to] = [bin, bin + 1].map((edge) => Math.round(edge * judged.length / BINS));
    const own = judged.slice(from, to);
    sum += Math.abs(own.reduce((all, { score, isRight }) => all + score - +isRight, 0));
  }
  return sum / judged.length;
}

/** The temperature of least loss, of a hundred between a tenth and ten. */
function temperatureOf(scores: number[][], clips: readonly Clip[], labels: string[]): number {
  const tried = Array.from({ length: 100 }, (_, i) => 10 ** (-1 + 2 * i / 99)).map(
    (temperature) => {
      const losses = scores.map((logits, i) => {
        const shares = softmax(logits.map((logit) => logit / temperature));
        return -Math.log(shares[labels.indexOf(clips[i]!.label)]! + 1e-12);
      });
      return { temperature, loss: losses.reduce((a, b) => a + b, 0) };
    },
  );
  return tried.reduce((a, b) => b.loss < a.loss ? b : a).temperature;
}
