/**
 * Data for a model that hears sound that goes on: windows of one length, clips cut out of long recordings, and a class for
 * what is none of the others.
 *
 * @module
 */
import { annotatedSplits } from "../data/annotated_splits.ts";
import { type RecordingStretch, withBackground } from "../data/background.ts";
import { CutFile } from "../data/cut_file.ts";
import { isAudio } from "../data/folder_layout.ts";
import type { AnnotationFault } from "../detect/mod.ts";
import { listFolder } from "../files.ts";
import type { TrainingOptions } from "../train/options/arguments.ts";
import { type OptionSpecs, type OptionValues, UsageError } from "./_arguments.ts";
import { loadSplits, type SplitChoice, type SplitFolder } from "./_data.ts";

/** Their options. */
export const DETECTOR_OPTIONS = {
  annotations: {
    kind: "string",
    value: "FILE|DIR",
    help: "what is where in long recordings: Audacity, Raven, DCASE, Kaleidoscope, CSV, JSONL",
  },
  "multi-label": {
    kind: "flag",
    help: "with annotations: a clip has all labels in it, and no background class",
  },
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
    help: "what that class is called; none: with annotations, leave it out (background)",
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
  "mine-negatives": {
    kind: "flag",
    help: "then train on with what the model hears where nothing is, as background",
  },
} as const satisfies OptionSpecs;

/** How windows are made, as far as it was asked for. */
export interface DetectorChoice {
  /** Whether the model is to hear sound that goes on. */
  isDetector: boolean;
  annotations?: string;
  isMultiLabel: boolean;
  windowSeconds: number;
  hopSeconds: number;
  background?: string;
  /** Undefined where there is to be none. */
  backgroundClass?: string;
  backgroundRatio: number;
  backgroundEdges: number;
  /** Whether a second pass is trained on the false alarms of the first. */
  minesNegatives: boolean;
}

/** As in detection. */
const WINDOW_SECONDS = 2;
const HOP_SECONDS = 0.5;

/**
 * The choice among the options.
 *
 * @throws {UsageError} where one needs another that is not given.
 */
export function detectorChoice(options: OptionValues<typeof DETECTOR_OPTIONS>): DetectorChoice {
  const { annotations, background, "multi-label": isMultiLabel } = options;
  const { "background-class": named = "background" } = options;
  expectWith(options, ["background-class", "background-ratio"], ["annotations", "background"]);
  expectWith(options, ["background-edges"], ["background"]);
  if (isMultiLabel) expectWith(options, ["multi-label"], ["annotations"]);
  const hasBackground = named !== "none" && !isMultiLabel;
  const { "mine-negatives": minesNegatives } = options;
  if (minesNegatives) expectWith(options, ["mine-negatives"], ["annotations", "background"]);
  if (minesNegatives && !hasBackground && !isMultiLabel) {
    throw new UsageError(
      'Cannot use argument "--mine-negatives": expected a background class, found none',
    );
  }
  if (background !== undefined && !hasBackground) {
    throw new UsageError(
      'Cannot use argument "--background": expected a background class, found none',
    );
  }
  const { "window-seconds": window, "hop-seconds": hop } = options;
  const given = [annotations, background, window, hop];
  return {
    isDetector: given.some((value) => value !== undefined),
    annotations,
    isMultiLabel,
    windowSeconds: window ?? WINDOW_SECONDS,
    hopSeconds: hop ?? Math.min(HOP_SECONDS, window ?? WINDOW_SECONDS),
    background,
    backgroundClass: hasBackground ? named : undefined,
    backgroundRatio: options["background-ratio"] ?? 1,
    backgroundEdges: options["background-edges"] ?? 0.25,
    minesNegatives,
  };
}

type DetectorOption = keyof typeof DETECTOR_OPTIONS;

/** Checks that options come with one of those that they are about. */
function expectWith(
  options: OptionValues<typeof DETECTOR_OPTIONS>,
  names: readonly DetectorOption[],
  others: readonly DetectorOption[],
): void {
  const alone = names.find((name) => options[name] !== undefined);
  if (alone === undefined || others.some((name) => options[name] !== undefined)) return;
  const needed = others.map((name) => `"--${name}"`).join(" or ");
  throw new UsageError(`Cannot use argument "--${alone}": expected ${needed} with it`);
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
  /** Recordings of the background that are trained on; undefined where there are none. */
  noiseFiles?: readonly string[];
  /** Where more clips can be cut into; undefined where none were cut. */
  cuts?: CutFile;
}

/** What else decides which clips there are. */
interface LoadContext {
  splits: SplitChoice;
  seed: number;
  /** Of the model, in hertz. */
  samplingRate: number;
  skipBadFiles: boolean;
  /** The argument `augmentSpeed`. */
  speed: number;
}

/**
 * Loads the splits of `train`, cut out of long recordings or with a background class where that is asked for.
 *
 * @throws {DatasetError} where the data cannot be used as it is.
 */
export async function loadDetectorData(
  data: string,
  choice: DetectorChoice,
  context: LoadContext,
): Promise<DetectorData> {
  const { annotations, background } = choice;
  const load = () => loadSplits(data, { ...context.splits, seed: context.seed, online: true });
  if (annotations === undefined && background === undefined) {
    return { folder: await load(), stretches: [], [Symbol.dispose]: () => {} };
  }
  const cuts = await CutFile.make(context.samplingRate);
  try {
    const folder = annotations === undefined
      ? await load()
      : await cutSplits(data, { ...choice, ...context, annotations, cuts });
    const made = await withClass(folder, { ...choice, ...context, cuts });
    const { stretches = [], trained: noiseFiles } = { ...folder, ...made };
    return {
      folder: made,
      stretches,
      noiseFiles,
      cuts,
      [Symbol.dispose]: () => cuts[Symbol.dispose](),
    };
  } catch (error) {
    cuts[Symbol.dispose]();
    throw error;
  }
}

type MadeSplits = SplitFolder & {
  stretches?: readonly RecordingStretch[];
  trained?: readonly string[];
};

async function cutSplits(
  data: string,
  options: DetectorChoice & LoadContext & { annotations: string; cuts: CutFile },
): Promise<MadeSplits> {
  const { backgroundClass: label, backgroundRatio: ratio, splits } = options;
  const faults: AnnotationFault[] = [];
  const found = await annotatedSplits(data, {
    ...options,
    ...splits,
    background: label === undefined ? undefined : { label, ratio },
    ...options.skipBadFiles && { onFault: (fault: AnnotationFault) => faults.push(fault) },
  });
  return { ...found, notes: [...found.notes, ...faults.map(({ error }) => error.message)] };
}

async function withClass(
  folder: MadeSplits,
  options: DetectorChoice & LoadContext & { cuts: CutFile },
): Promise<MadeSplits> {
  const { background: directory, backgroundClass: label } = options;
  if (directory === undefined || label === undefined) return folder;
  const { backgroundRatio: ratio, backgroundEdges: edges } = options;
  const made = await withBackground(folder, { ...options, directory, label, ratio, edges });
  return { ...made, stretches: [...folder.stretches ?? [], ...made.stretches] };
}

/** What the model's config says of how it is to be used, under `earshot`; nothing of a model for clips. */
export function detectorConfig(
  choice: DetectorChoice,
  labels: readonly string[],
): Record<string, unknown> | undefined {
  if (!choice.isDetector) return undefined;
  const { windowSeconds, hopSeconds, backgroundClass } = choice;
  const hasBackground = backgroundClass !== undefined && labels.includes(backgroundClass);
  return {
    window_seconds: windowSeconds,
    hop_seconds: hopSeconds,
    ...hasBackground && { background_label: backgroundClass },
  };
}
