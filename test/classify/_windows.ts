/**
 * Windows of a recording beside the clips that they are.
 *
 * @module
 */
import { createClassifier, type DetectOptions } from "../../src/classify/pipeline.ts";
import type { WindowScores } from "../../src/detect/mod.ts";
import type { FeatureExtractor } from "../../src/features/mod.ts";
import type { InferenceModel } from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";

/** Of all that these give. */
export const RATE_HZ = 16_000;
/** A model with its extractor. */
export interface Loaded {
  model: InferenceModel;
  extractor: FeatureExtractor;
}

/** Noise that falls almost silent and is very loud again, so that what lies beside a frame shows in its bits. */
export function recording(samples: number): Float32Array {
  const random = new Random(3);
  return Float32Array.from({ length: samples }, (_, i) => {
    const loudness = Math.floor(i / 560) % 2 === 0 ? 1e4 : 1e-4;
    return loudness * random.normal();
  });
}

/** Lengths in samples. */
export interface Lengths extends Pick<DetectOptions, "lastWindow"> {
  window: number;
  hop: number;
  /** Of the blocks in which the samples come. @default all at once */
  block?: number;
}

/** The windows that a classifier hears, with their scores. */
export async function windowsOf(
  loaded: Loaded,
  samples: Float32Array,
  { window, hop, block, lastWindow }: Lengths,
): Promise<WindowScores[]> {
  const classifier = createClassifier(loaded.model, loaded.extractor);
  const windows: WindowScores[] = [];
  async function* blocks() {
    for (let at = 0; at < samples.length; at += block!) {
      yield await Promise.resolve(samples.subarray(at, at + block!));
    }
  }
  const events = classifier.detect(block ? blocks() : samples, {
    samplingRate: RATE_HZ,
    windowSeconds: window / RATE_HZ,
    hopSeconds: hop / RATE_HZ,
    lastWindow,
    onScores: (scores) => void windows.push(scores),
  });
  await Array.fromAsync(events);
  return windows;
}

/** What the classifier answers for the samples of windows. */
export async function clipScores(
  { model, extractor }: Loaded,
  samples: Float32Array,
  { windows, window }: { windows: readonly WindowScores[]; window: number },
): Promise<WindowScores[]> {
  const classifier = createClassifier(model, extractor);
  const expected: WindowScores[] = [];
  for (const { start, end } of windows) {
    const clip = new Float32Array(window);
    clip.set(samples.subarray(Math.round(start * RATE_HZ), Math.round(end * RATE_HZ)));
    const answer = await classifier(clip, { samplingRate: RATE_HZ, topK: null });
    const scores = classifier.labels.map((label) => {
      return answer.find((row) => row.label === label)!.score;
    });
    expected.push({ start, end, scores: Float64Array.from(scores) });
  }
  return expected;
}
