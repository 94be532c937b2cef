/**
 * Reports' input made from seeded noise: as many classes and clips as asked for, learned well enough to look real.
 *
 * @module
 */
import { Random } from "../../src/random.ts";
import type {
  ClipAudio,
  ClipPrediction,
  ReportData,
  ReportLogEntry,
  ReportProblemType,
} from "../../src/report/mod.ts";

/** What the sample is like. */
export interface SampleOptions {
  classes: number;
  clips: number;
  problemType?: ReportProblemType;
}

const EPOCHS = 20;
const STEPS_PER_EPOCH = 12;

const WORDS = ["balance", "freeze", "app_error", "atm_limit", "abroad", "pay_bill", "address"];

/** Input of a report in which nothing is missing. */
export function sampleReport(options: SampleOptions): ReportData {
  const { classes, clips, problemType = "single_label_classification" } = options;
  const random = new Random(classes);
  const labels = problemType === "regression" ? ["loudness"] : labelNames(classes);
  const perLabel = (share: number) =>
    labels.map(() => Math.round(share * clips / classes * (0.6 + 0.8 * random.uniform())));
  return {
    title: `sample-${classes}`,
    problemType,
    labels,
    history: sampleHistory(random),
    evaluation: {
      split: "test",
      clips: Array.from({ length: clips }, (_, i) => sampleClip(labels, problemType, random, i)),
    },
    splits: ["train", "validation", "test"].map((split, i) => ({
      split,
      clipsPerLabel: perLabel(i === 0 ? 8 : 1),
      durationsSec: Array.from({ length: clips }, () => 1 + 3 * random.uniform() ** 2),
    })),
    model: { Architecture: "wav2vec2", Parameters: 570_638, Training: "3 min 12 s" },
    settings: { learningRate: 5e-4, numTrainEpochs: EPOCHS, seed: 42, evalStrategy: "epoch" },
    versions: { Earshot: "0.1.0", Deno: "2.9.0", Device: "WASM, relaxed SIMD, 2 threads" },
    created: "22 November 2026",
  };
}

/** Half a second of tone and noise, another one for each clip. */
export function sampleAudio(clip: ClipPrediction): ClipAudio {
  const random = new Random(clip.file.length);
  const pitch = 0.02 + 0.05 * random.uniform();
  const samples = Float32Array.from({ length: 40_000 }, (_, i) => {
    const envelope = Math.sin(Math.PI * i / 40_000) * Math.sin(i / 2500) ** 2;
    return envelope * (0.4 * Math.sin(i * pitch * (1 + i / 90_000)) + 0.05 * random.normal());
  });
  return { samples, sampleRateHz: 16_000 };
}

function labelNames(classes: number): string[] {
  return Array.from(
    { length: classes },
    (_, i) => i < WORDS.length ? WORDS[i]! : `${WORDS[i % WORDS.length]}_${Math.floor(i / 7)}`,
  );
}

function sampleHistory(random: Random): ReportLogEntry[] {
  return Array.from({ length: EPOCHS }, (_, i): ReportLogEntry[] => {
    const epoch = i + 1;
    const step = epoch * STEPS_PER_EPOCH;
    const loss = 2.6 * Math.exp(-epoch / 6) + 0.1 + 0.08 * random.uniform();
    const rate = 5e-4 * Math.min(epoch / 2, (EPOCHS - epoch) / (EPOCHS - 2));
    return [
      { step, epoch, loss, grad_norm: 1 + random.uniform(), learning_rate: rate },
      {
        step,
        epoch,
        eval_loss: loss + 0.1 + 0.012 * epoch,
        eval_accuracy: 0.95 - 0.85 * Math.exp(-epoch / 5),
        eval_runtime: 1.5,
        eval_samples_per_second: 90,
      },
    ];
  }).flat();
}

function sampleClip(
  labels: readonly string[],
  problemType: ReportProblemType,
  random: Random,
  index: number,
): ClipPrediction {
  const actual = random.below(labels.length);
  const file = `recordings/test/${labels[actual]}/voice-${String(index).padStart(4, "0")}.wav`;
  const durationSec = 1 + 3 * random.uniform() ** 2;
  if (problemType === "regression") {
    const target = 10 * random.uniform();
    return { file, target, logits: [target + random.normal()], durationSec };
  }
  const likely = random.uniform() < 0.85 ? actual : (actual + 1 + random.below(2)) % labels.length;
  const logits = labels.map((_, i) => random.normal() + (i === likely ? 4 : 0));
  if (problemType === "single_label_classification") {
    return { file, target: actual, logits, durationSec };
  }
  const target = labels.map((_, i) => Number(i === actual || logits[i]! > 1.8));
  return { file, target, logits: logits.map((x) => x - 1.5), durationSec };
}
