/**
 * What a model took each clip for: `predictions.jsonl` beside it, whose lines are those of `predict --json` with the labels
 * that the clip has.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { pathInSource } from "../data/clip_keys.ts";
import { DatasetError } from "../errors.ts";
import { fileSource } from "../files.ts";
import type { Evaluation } from "../train/metrics/evaluation.ts";

/** What the file is called. */
export const PREDICTIONS_FILE = "predictions.jsonl";

/** A clip, and what it was taken for. */
export interface PredictedClip {
  /** Its path in the data set. */
  file: string;
  /** The class that it is of; undefined where nobody has said so, or where it may have several labels. */
  label?: string;
  /** All its labels, where it may have several. */
  labels?: readonly string[];
  /** Classes with their scores, the best first. */
  predictions: { label: string; score: number }[];
}

/**
 * The clips of an evaluation, where each has one label or any number of them.
 *
 * @param source the folder or file of the data set.
 */
export function predictedClips(
  { logits, classes, indices }: Evaluation,
  dataset: AudioDataset,
  source: string,
): PredictedClip[] {
  const { clips, labels, kind } = dataset;
  const isSeveral = kind === "multi_label_classification";
  return Array.from(indices, (index, row) => {
    const { file, label } = clips[index]!;
    const scores = (isSeveral ? sigmoid : softmax)(
      logits.subarray(row * classes, (row + 1) * classes),
    );
    const predictions = Array.from(scores, (score, i) => ({ label: labels[i]!, score }));
    // Sorting keeps the order of equals, of which the first is the class, as in the metrics.
    predictions.sort((a, b) => b.score - a.score);
    const own = isSeveral ? { labels: labelsOfClip(dataset, index) } : { label: labels[label]! };
    return { file: pathInSource(file, source), ...own, predictions };
  });
}

/** The labels of a clip that may have several. */
export function labelsOfClip({ clips, labels }: AudioDataset, index: number): string[] {
  return labels.filter((_, i) => (clips[index]!.targets?.[i] ?? 0) > 0.5);
}

function sigmoid(logits: Float32Array): Float64Array {
  return Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
}

function softmax(logits: Float32Array): Float64Array {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** The lines of clips. */
export function predictionLines(clips: readonly PredictedClip[]): Uint8Array {
  const rounded = (clip: PredictedClip) => ({
    ...clip,
    predictions: clip.predictions.map(({ label, score }) => ({
      label,
      score: Number(score.toPrecision(SCORE_DIGITS)),
    })),
  });
  const lines = clips.map((clip) => `${JSON.stringify(rounded(clip))}\n`);
  return new TextEncoder().encode(lines.join(""));
}

const SCORE_DIGITS = 6;

/** Some hundred bytes a class: a million clips of ten. */
const MAX_BYTES = 2 ** 29;

/**
 * Reads what `train` wrote, or `predict --json` printed.
 *
 * @throws {FileError} where there is no such file.
 * @throws {DatasetError} where a line is none of them.
 */
export async function readPredictions(path: string): Promise<PredictedClip[]> {
  using source = await fileSource(path);
  const wrong = (expected: string, found: string, cause?: unknown) =>
    new DatasetError(`Cannot read predictions "${path}": expected ${expected}, found ${found}`, {
      file: path,
      hint: "train writes them beside a model, and predict --json prints them",
      cause,
    });
  if (source.sizeBytes > MAX_BYTES) {
    throw wrong(`at most ${MAX_BYTES} bytes`, `${source.sizeBytes}`);
  }
  const text = new TextDecoder().decode(await source.read(0, source.sizeBytes));
  const lines = text.split("\n").map((line) => line.trim());
  const clips = lines.flatMap((line, i) => line === "" ? [] : [clipOf(line, i + 1, wrong)]);
  if (clips.length === 0) throw wrong("clips", "none");
  return clips;
}

function clipOf(
  line: string,
  number: number,
  wrong: (expected: string, found: string, cause?: unknown) => DatasetError,
): PredictedClip {
  const expected = '"file" and "predictions" in every line';
  let json: Partial<PredictedClip> | null;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw wrong(expected, `line ${number}, which is not JSON`, cause);
  }
  const { file, label, labels, predictions } = json ?? {};
  const isPrediction = ({ label, score }: Partial<PredictedClip["predictions"][0]>) =>
    typeof label === "string" && typeof score === "number";
  const isWhole = typeof file === "string" && Array.isArray(predictions) &&
    predictions.length > 0 && predictions.every(isPrediction) &&
    (label === undefined || typeof label === "string") &&
    (labels === undefined ||
      Array.isArray(labels) && labels.every((own) => typeof own === "string"));
  if (!isWhole) throw wrong(expected, `line ${number}, which lacks one`);
  return { file, ...labels ? { labels } : { label }, predictions };
}
