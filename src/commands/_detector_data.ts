/**
 * Data for a model that hears sound that goes on: windows of one length, and a class for what is none of the others.
 *
 * @module
 */
import { type RecordingStretch, withBackground } from "../data/background.ts";
import { CutFile } from "../data/cut_file.ts";
import { isAudio } from "../data/folder_layout.ts";
import { listFolder } from "../files.ts";
import type { TrainingOptions } from "../train/options/arguments.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import { loadSplits, type SplitChoice, type SplitFolder } from "./_data.ts";

/** Their options. */
export const DETECTOR_OPTIONS = {
  "window-seconds": {
    kind: "number",
    min: 0.01,
    help: "length of the windows that the model is to hear sound in (2)",
  },
  "hop-seconds": {
    kind: "number",
    min: 0.001,
    help: "from one window to the next, kept with the model (0.5)",
  },
  background: {
    kind: "string",
    value: "DIR",
    help: "recordings of any length to draw a background class from",
  },
  "background-class": {
    kind: "string",
    value: "NAME",
    help: "what that class is called (background)",
  },
  "background-ratio": {
    kind: "number",
    min: 0.01,
    help: "its clips to one of a class of mean size (1)",
  },
  "background-edges": {
    kind: "number",
    min: 0,
    max: 1,
    help: "which share of them are cut-off beginnings and ends of training clips (0.25)",
  },
} as const satisfies OptionSpecs;

/** How windows are made, as far as it was asked for. */
export interface DetectorChoice {
  /** Whether the model is to hear sound that goes on. */
  isDetector: boolean;
  windowSeconds: number;
  hopSeconds: number;
  background?: string;
  backgroundClass: string;
  backgroundRatio: number;
  backgroundEdges: number;
}

/** As in detection. */
const WINDOW_SECONDS = 2;
const HOP_SECONDS = 0.5;

/** The choice among the options. */
export function detectorChoice(options: OptionValues<typeof DETECTOR_OPTIONS>): DetectorChoice {
  const { background } = options;
  const needed = ["background-class", "background-ratio", "background-edges"] as const;
  const alone = needed.find((name) => options[name] !== undefined);
  if (background === undefined && alone !== undefined) {
    throw new UsageError(`Cannot use argument "--${alone}": expected "--background DIR" with it`);
  }
  const { "window-seconds": window, "hop-seconds": hop } = options;
  return {
    isDetector: background !== undefined || window !== undefined || hop !== undefined,
    windowSeconds: window ?? WINDOW_SECONDS,
    hopSeconds: hop ?? Math.min(HOP_SECONDS, window ?? WINDOW_SECONDS),
    background,
    backgroundClass: options["background-class"] ?? "background",
    backgroundRatio: options["background-ratio"] ?? 1,
    backgroundEdges: options["background-edges"] ?? 0.25,
  };
}

/** Training arguments that suit windows, in place of those of a preset. */
export async function detectorArguments(
  { isDetector, windowSeconds, background }: DetectorChoice,
): Promise<Partial<TrainingOptions>> {
  if (!isDetector) return {};
  const window = { augmentWindowSeconds: windowSeconds };
  if (background === undefined) return window;
  // Words in silence and background in noise would be told apart by the noise.
  const { files } = await listFolder(background);
  const noiseDir = files.some(isAudio) ? { augmentNoiseDir: background } : {};
  const noise = { augmentNoise: 0.9, augmentNoiseMinSnrDb: 0, augmentNoiseMaxSnrDb: 30 };
  return { ...window, ...noise, ...noiseDir };
}

/** Splits to train on. Disposing them closes what clips are read from. */
export interface DetectorData extends Disposable {
  folder: SplitFolder;
  /** Where nothing is to be heard in the recordings that are trained on. */
  stretches: readonly RecordingStretch[];
}

/**
 * Loads the splits of `train`, with a background class where one is asked for.
 *
 * @throws {DatasetError} where the data cannot be used as it is.
 */
export async function loadDetectorData(
  data: string,
  choice: DetectorChoice,
  { splits, seed, samplingRate }: { splits: SplitChoice; seed: number; samplingRate: number },
): Promise<DetectorData> {
  const folder = await loadSplits(data, { ...splits, seed, online: true });
  const { background: directory, windowSeconds, backgroundClass: label } = choice;
  if (directory === undefined) return { folder, stretches: [], [Symbol.dispose]: () => {} };
  const cuts = await CutFile.make(samplingRate);
  try {
    const { stretches, ...withClass } = await withBackground(folder, {
      directory,
      label,
      windowSeconds,
      ratio: choice.backgroundRatio,
      edges: choice.backgroundEdges,
      samplingRate,
      seed,
      cuts,
    });
    return { folder: withClass, stretches, [Symbol.dispose]: () => cuts[Symbol.dispose]() };
  } catch (error) {
    cuts[Symbol.dispose]();
    throw error;
  }
}

/** What the model's config says of how it is to be used, under `earshot`; nothing of a model for clips. */
export function detectorConfig(
  choice: DetectorChoice,
  labels: readonly string[],
): Record<string, unknown> | undefined {
  if (!choice.isDetector) return undefined;
  const { windowSeconds, hopSeconds, backgroundClass } = choice;
  const hasBackground = labels.includes(backgroundClass);
  return {
    window_seconds: windowSeconds,
    hop_seconds: hopSeconds,
    ...hasBackground && { background_label: backgroundClass },
  };
}
