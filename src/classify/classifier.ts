/**
 * Clips in, labels out: a model and its feature extractor as one function.
 *
 * It runs on the device in use and holds nothing of a clip once its answer is there. Clips of unlike
 * length never share a batch, because what a clip is padded with can change its scores; unless the extractor
 * brings every clip to one length, alone as in a batch. Nothing here touches the disk.
 *
 * @module
 */
import { MAX_CLIP_SECONDS } from "../audio/recording.ts";
import { TooLongError } from "../audio/too_long.ts";
import { type AudioInput, type ClipRules, clipSamples, type OpenFile } from "./_audio_input.ts";
import { DETECT_OPTIONS, detectEvents, type DetectOptions, eachBatch } from "./_detect.ts";
import { FRAME_SETTINGS, frameOutputs } from "./_frame_scores.ts";
import { openSound, type SoundRules, type SoundSource } from "./_sound_source.ts";
import { windowOutputs } from "./_window_outputs.ts";
import {
  bestClasses,
  type Classification,
  clipScores,
  SCORE_FUNCTIONS,
  type ScoreFunction,
  type ScoreRules,
} from "./_scores.ts";
import {
  type DetectedEvent,
  type DetectPlan,
  detectPlan,
  longRecordingNotice,
  longRecordingWindows,
  MeanScores,
} from "../detect/mod.ts";
import { ofAnyLength } from "../features/feature_extractor.ts";
import { type FeatureExtractor, loadFeatureExtractor } from "../features/mod.ts";
import {
  buildInferenceModel,
  type ClipOutputs,
  type Embedding,
  type EmbedOptions,
  type InferenceModel,
  type ModelBatch,
  type ProblemType,
} from "../models/mod.ts";
import { needsFeatures, type ScoreSettings, scoreSettings } from "../scores/mod.ts";
import { type FileReader, nameIn } from "../weights/byte_source.ts";
import { readJsonFile } from "../weights/json_file.ts";
import type { TensorSource } from "../weights/tensor_source.ts";

/** What a call of a classifier may ask for. */
export interface ClassifyOptions {
  /** How many classes to give, the best first; `null`, or more than there are, gives all. @default 5 */
  topK?: number | null;
  /**
   * What is applied to the model's scores.
   *
   * @default "softmax"; by the model's problem type "sigmoid" for several labels a clip, "none" for values
   */
  functionToApply?: ScoreFunction;
  /** Whether scores are those of the model alone, as for the classifier. @default the classifier's */
  rawScores?: boolean;
  /** The rate in hertz of clips that are samples alone, as a bare `Float32Array`. */
  samplingRate?: number;
  /** The longest clip accepted whole, in seconds. @default the classifier's */
  maxSeconds?: number;
  /** Most bytes that the file of a clip may unfold to: seconds x rate x channels x 4. @default any */
  maxDecodedBytes?: number;
  /** What becomes of a clip that is too long. @default the classifier's */
  longClips?: "refuse" | "windows";
  /** Called for a clip that was read with a doubt, or in windows. @default the classifier's */
  onWarning?: (message: string) => void;
  /** Called for a clip that is now samples, with its length and how long that took. @default none */
  onDecoded?: (clip: { seconds: number; decodingSeconds: number }) => void;
  /**
   * Runs each computation over windows of a long clip, as in `detect`, and gets how much sound they have in seconds.
   *
   * @default at once
   */
  turn?: <T>(compute: () => Promise<T>, seconds?: number) => Promise<T>;
  /** Has the batch of a clip computed, perhaps with those of other calls, and gives its own rows. @default alone */
  share?: <Batch, Row>(batch: Batch, compute: (batch: Batch) => Promise<Row[]>) => Promise<Row[]>;
}

/** What a call of `embed` may ask for. */
export interface EmbedClipOptions extends EmbedOptions, Pick<ClassifyOptions, "samplingRate"> {}

/** What a model makes of a clip before its classes, and its classes. */
export interface EmbeddedClip extends Omit<Embedding, "logits" | "features"> {
  /** All classes of the clip, in descending order of score, as the classifier gives them. */
  classes: Classification[];
}

/** How a classifier treats clips. */
export interface ClassifierOptions {
  /**
   * The longest clip accepted, in seconds. The first layers hold the most: 20 MB a second in
   * wav2vec2-base, so that the default fits into the 4 GiB of WASM memory. @default 180
   */
  maxSeconds?: number;
  /**
   * What becomes of a longer one: it is refused, or heard in windows whose mean scores are given, which `onWarning` is
   * told. Windows have the model's own length for detection, or 30 s. @default "refuse"
   */
  longClips?: "refuse" | "windows";
  /**
   * Whether scores are those of the model alone, without the temperature, the thresholds and the rejection of its
   * config's `earshot.scores`. So are those of another function than the model's own. @default false
   */
  rawScores?: boolean;
  /** Called for a clip that was read with a doubt, such as one whose end is missing. @default none */
  onWarning?: (message: string) => void;
  /** Reads a file of the disk; without it or `openFile` a path is refused. */
  readFile?: (path: string, maxBytes: number) => Promise<Uint8Array>;
  /** Opens a file of the disk, of which `detect` then reads parts. */
  openFile?: OpenFile;
}

/** A model with the extractor that prepares its input. */
export interface LoadedClassifier {
  /** On the device in use. */
  model: InferenceModel;
  /** Prepares clips for it. */
  extractor: FeatureExtractor;
}

/** Classifies clips; call it like a function. */
export interface AudioClassifier extends LoadedClassifier {
  /** The classes of one clip, in descending order of score. */
  (input: AudioInput, options?: ClassifyOptions): Promise<Classification[]>;
  /** The classes of each clip of a list. */
  (inputs: readonly AudioInput[], options?: ClassifyOptions): Promise<Classification[][]>;
  /** Class names by number. */
  readonly labels: readonly string[];
  /**
   * The events of sound of any length, each as soon as it is known.
   *
   * The sound is heard in windows. A window is a clip: its scores, which the option `onScores` gets, are those of this
   * classifier for the window's samples. They are taken as those of the hop around the window's centre, so that a
   * sound shorter than a window is heard for about as long as the window, around its own middle: for exact times,
   * windows should be no longer than the sounds, and hops short. An event `began` when a class's score reaches its
   * threshold, and is told of at once; it has `ended` when the score has fallen below the lower threshold. Several
   * classes may be heard at a time. A window of a stream is computed as soon as its last sample has come.
   *
   * Of a model that scores frames (`…ForAudioFrameClassification`) windows give a row of scores for each frame, and no
   * window is a clip: a frame's scores depend on all that its window holds. In a recording that is no longer than a window
   * they are those of the whole; in others they come from the window in whose middle part the frame lies.
   *
   * @param source a path, a URL, bytes or samples as for a clip, read in parts; or a stream of the bytes of a file, or
   * of samples at `samplingRate`, that may never end.
   * @param options windows, thresholds and filters; what is left out is the model's own, in `earshot.detect` of its
   * `config.json`.
   * @throws {RangeError} for settings that make no sense, or windows that the model cannot take.
   * @throws {AudioFormatError} for sound that is broken, empty, or shorter than the model takes.
   * @throws {FileError} where a file or URL cannot be read.
   *
   * @example
   * ```ts
   * import { pipeline } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const classifier = await pipeline("audio-classification");
   * async function* microphone() {
   *   for (let second = 0; second < 4; second++) yield new Float32Array(8_000);
   * }
   * // Silence is none of the classes, unless scores are taken as they are.
   * const options = { samplingRate: 8_000, windowSeconds: 1, threshold: 0, rawScores: true };
   * const events = await Array.fromAsync(classifier.detect(microphone(), options));
   * equal(events.length, 2 * classifier.labels.length);
   * equal(events.at(-1)?.end, 4);
   * classifier.dispose();
   * ```
   */
  detect(
    source: SoundSource,
    options?: DetectOptions,
  ): AsyncGenerator<DetectedEvent, void, void>;
  /**
   * What the model makes of a clip before its classes: a hidden state, by default its mean over time.
   *
   * @param input a clip as for classifying.
   * @param options which layer, and whether its mean or all frames with their times.
   * @throws {RangeError} for a layer that the model has not.
   * @throws {AudioFormatError} when the clip is no audio, shorter than the model takes, or too long.
   *
   * @example
   * ```ts
   * import { pipeline } from "@earshot/earshot";
   * import { equal } from "node:assert/strict";
   *
   * const classifier = await pipeline("audio-classification");
   * const second = { samples: new Float32Array(8_000), samplingRate: 8_000 };
   * const { size, values } = await classifier.embed(second);
   * equal(values.length, size);
   * const { times } = await classifier.embed(second, { layer: 1, pooling: "frames" });
   * equal(times?.every((sec) => sec > 0 && sec < 1), true);
   * classifier.dispose();
   * ```
   */
  embed(input: AudioInput, options?: EmbedClipOptions): Promise<EmbeddedClip>;
  /** The same of each clip of a list. */
  embed(inputs: readonly AudioInput[], options?: EmbedClipOptions): Promise<EmbeddedClip[]>;
  /** Gives the model's memory back. */
  dispose(): void;
}

const DEFAULT_TOP_K = 5;
/** Beyond these a larger batch saves no time and only takes memory; nor may it be longer than the longest clip. */
const MAX_BATCH_CLIPS = 8;
const MAX_BATCH_SECONDS = 30;

/**
 * Makes a classifier from the files of a model directory, on the device in use.
 *
 * @param files `config.json`, that of the extractor, and the weights.
 * @param openWeights opens the weights in the forms that the caller expects.
 * @param options the longest clip to accept.
 * @throws {CheckpointError} when a file is missing or wrong, or the model has no trained classifier.
 */
export async function loadClassifier(
  files: FileReader,
  openWeights: (files: FileReader) => Promise<TensorSource>,
  options: ClassifierOptions = {},
): Promise<AudioClassifier> {
  const { file, ...loaded } = await loadParts(files, openWeights, options);
  return createComplete(loaded, file, options);
}

/** The model and the extractor of the files, and what messages call them; the model may lack tensors. */
export async function loadParts(
  files: FileReader,
  openWeights: (files: FileReader) => Promise<TensorSource>,
  options: ClassifierOptions = {},
): Promise<LoadedClassifier & { file: string }> {
  const extractor = await loadFeatureExtractor(files, options);
  const config = await readJsonFile(files, "config.json");
  const source = await openWeights(files);
  try {
    const model = await buildInferenceModel(config, {
      source,
      file: nameIn(files, "config.json"),
      origin: { file: source.file, exported: source.exported },
      onWarning: options.onWarning,
    });
    return { model, extractor, file: source.file };
  } finally {
    source.close();
  }
}

/** A classifier of a model that lacks nothing; one that lacks something is disposed. */
export function createComplete(
  { model, extractor }: LoadedClassifier,
  file: string,
  options: ClassifierOptions,
): AudioClassifier {
  try {
    model.expectComplete(file);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return createClassifier(model, extractor, options);
}

/**
 * Makes a classifier from a model and the extractor that prepares its input, anywhere.
 *
 * @param model on the device in use, which answers soonest when it is prepared; the classifier's `dispose` disposes it.
 * @param extractor gives the rate and the form of the model's input.
 * @param options the longest clip to accept, and how a path is read.
 *
 * @example
 * ```ts
 * import {
 *   AutoFeatureExtractor,
 *   AutoModelForAudioClassification,
 *   createClassifier,
 * } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const classifier = createClassifier(model, extractor);
 * const silence = { samples: new Float32Array(8_000), samplingRate: 8_000 };
 * equal((await classifier([silence, silence])).length, 2);
 * classifier.dispose();
 * ```
 */
export function createClassifier(
  model: InferenceModel,
  extractor: FeatureExtractor,
  options: ClassifierOptions = {},
): AudioClassifier {
  return classifierParts(model, extractor, options).classifier;
}

/** A classifier, and its two halves: what is computed of clips, and what is said of it. */
export interface ClassifierParts {
  classifier: AudioClassifier;
  /** The outputs of clips; of one that is too long, the mean of those of its windows. */
  outputsOf(
    inputs: readonly AudioInput[],
    asked: ClassifyOptions,
    compute: (batch: ModelBatch) => Promise<ClipOutputs[]>,
  ): Promise<ClipOutputs[]>;
  /** The classes by a clip's outputs. */
  answer(outputs: ClipOutputs, asked: ClassifyOptions): Classification[];
}

/** The parts of what {@linkcode createClassifier} makes. */
export function classifierParts(
  model: InferenceModel,
  extractor: FeatureExtractor,
  options: ClassifierOptions = {},
): ClassifierParts {
  const fitting = model.takesAnyLength ? ofAnyLength(extractor) : extractor;
  const clipRules: ClipRules = {
    rateHz: extractor.samplingRate,
    minSamples: Math.max(model.minSamples, extractor.minSamples),
    maxSeconds: options.maxSeconds ?? MAX_CLIP_SECONDS,
    openFile: options.openFile,
    readFile: options.readFile,
    onWarning: options.onWarning,
  };
  async function classifyList(
    inputs: readonly AudioInput[],
    asked: ClassifyOptions,
  ): Promise<Classification[][]> {
    model.expectClipHead("classify", { speakers: true });
    const rules = answerRules(asked);
    const outputFeatures = needsFeatures(rules.settings);
    const rows = await outputsOf(
      inputs,
      asked,
      (batch) => model.outputs(batch, { outputFeatures }),
    );
    return rows.map((row) => classesOf(row, rules));
  }
  let usual: ScoreRules & { topK: number } | undefined;
  function answerRules(asked: ClassifyOptions): ScoreRules & { topK: number } {
    if (RULES.some((name) => asked[name] !== undefined)) return rulesAsked(asked);
    expectOptions("classify", asked, OPTIONS);
    return usual ??= rulesAsked({});
  }
  function rulesAsked(asked: ClassifyOptions): ScoreRules & { topK: number } {
    const { topK, functionToApply } = checkedOptions(asked, model.problemType);
    return { topK, ...rulesFor(functionToApply, asked) };
  }
  function classesOf(row: ClipOutputs, rules: ScoreRules & { topK: number }): Classification[] {
    expectFinite(row.logits, model.labels);
    return bestClasses(row, model.labels, rules);
  }
  async function outputsOf(
    inputs: readonly AudioInput[],
    asked: ClassifyOptions,
    compute: (batch: ModelBatch) => Promise<ClipOutputs[]>,
  ): Promise<ClipOutputs[]> {
    const { samplingRate, onWarning = clipRules.onWarning, onDecoded } = asked;
    const { share = (batch, alone) => alone(batch) } = asked;
    const { maxSeconds = clipRules.maxSeconds, maxDecodedBytes } = asked;
    const limits = { maxSeconds, maxDecodedBytes };
    const ruled = { ...clipRules, ...limits, samplingRate, onWarning, onDecoded };
    const { fixedSamples } = fitting;
    const keepsLong = (asked.longClips ?? options.longClips) === "windows";
    const rows: ClipOutputs[] = [];
    for await (const clips of batches(inputs, ruled, { fixedSamples, keepsLong })) {
      const next = Array.isArray(clips)
        ? await share(batchOf(clips), compute)
        : [await meanOutputs(clips.tooLong, asked, compute)];
      rows.push(...next);
    }
    return rows;
  }
  let ownScores: { settings?: ScoreSettings } | undefined;
  /** The model's own settings mean nothing for another function than they were fitted for. */
  function rulesFor(
    functionToApply: ScoreFunction,
    { rawScores = options.rawScores }: Pick<ClassifyOptions, "rawScores">,
  ): ScoreRules {
    if (rawScores || functionToApply !== FUNCTION_OF[model.problemType]) return { functionToApply };
    ownScores ??= { settings: scoreSettings(model.ownConfig.scores, model) };
    return { functionToApply, ...ownScores };
  }
  // What is wrong with them is said at once, and not with the first clip.
  rulesFor(FUNCTION_OF[model.problemType], {});
  /** Clips of one batch have one length, so that no mask is needed. */
  const batchOf = (clips: Float32Array[]) => ({
    ...fitting.extract(clips),
    attentionMask: undefined,
  });
  const hearing = {
    labels: model.labels,
    rateHz: clipRules.rateHz,
    config: model.ownConfig.detect,
    ...model.headKind === "frames" && { defaults: FRAME_SETTINGS },
  };
  const soundRules: SoundRules = {
    rateHz: clipRules.rateHz,
    openFile: options.openFile,
    readFile: options.readFile,
  };
  const maxBatchOf = (windowSamples: number, maxSeconds: number) => {
    const mostSamples = Math.min(MAX_BATCH_SECONDS, maxSeconds) * clipRules.rateHz;
    const most = Math.floor(mostSamples / (fitting.fixedSamples ?? windowSamples));
    return Math.max(1, Math.min(MAX_BATCH_CLIPS, most));
  };
  /** The mean of the windows of a recording that is too long to be heard at once. */
  async function meanOutputs(
    input: AudioInput,
    asked: ClassifyOptions,
    compute: (batch: ModelBatch) => Promise<ClipOutputs[]>,
  ): Promise<ClipOutputs> {
    const { samplingRate, maxDecodedBytes, turn = (compute) => compute() } = asked;
    const { onDecoded, onWarning = clipRules.onWarning } = asked;
    const { maxSeconds = clipRules.maxSeconds } = asked;
    const windows = longRecordingWindows(hearing, {
      min: clipRules.minSamples,
      max: Math.min(fitting.fixedSamples ?? Infinity, Math.floor(maxSeconds * clipRules.rateHz)),
    });
    const { windowSamples } = windows;
    const sound = await openSound(input, { ...soundRules, samplingRate, maxDecodedBytes });
    const logits = new MeanScores();
    const features = new MeanScores();
    const samples = await eachBatch(
      sound,
      windows,
      maxBatchOf(windowSamples, maxSeconds),
      async (batch) => {
        const seconds = batch.length * batch[0]!.length / clipRules.rateHz;
        for (const row of await turn(() => compute(batchOf(batch)), seconds)) {
          logits.add(row.logits);
          if (row.features) features.add(row.features);
        }
      },
    );
    const notice = {
      file: sound.file,
      seconds: samples / clipRules.rateHz,
      windows: logits.count,
      windowSeconds: windowSamples / clipRules.rateHz,
    };
    onWarning?.(longRecordingNotice(notice));
    // It was decoded between its windows, which is not timed.
    onDecoded?.({ seconds: notice.seconds, decodingSeconds: 0 });
    return { logits: logits.mean(), ...features.count > 0 && { features: features.mean() } };
  }
  async function* detect(
    source: SoundSource,
    asked: DetectOptions = {},
  ): AsyncGenerator<DetectedEvent, void, void> {
    expectInUse("detect");
    expectOptions("detect", asked, DETECT_OPTIONS);
    const functionToApply = FUNCTION_OF[model.problemType];
    if (functionToApply === "none") {
      throw new TypeError("Cannot detect: expected a model of classes, found one of values");
    }
    const scoring = rulesFor(functionToApply, asked);
    const { thresholds } = scoring.settings ?? {};
    const plan = detectPlan(asked, { ...hearing, thresholds });
    // The plan has them, or what the caller says in their place.
    const isOfFrames = model.headKind === "frames";
    const settings = scoring.settings && !isOfFrames
      ? { ...scoring.settings, thresholds: {} }
      : undefined;
    const { samplingRate, file, signal, maxSeconds = clipRules.maxSeconds } = asked;
    expectWindow(plan, { ...clipRules, maxSeconds }, fitting.fixedSamples);
    const outputFeatures = needsFeatures(settings);
    const outputsOfWindows = windowOutputs({ model, extractor: fitting, outputFeatures }, plan);
    yield* detectEvents(source, {
      plan,
      labels: model.labels,
      minSamples: clipRules.minSamples,
      onWarning: clipRules.onWarning,
      rules: { ...soundRules, samplingRate, file, signal },
      maxBatch: maxBatchOf(plan.windowSamples, maxSeconds),
      scoresOf: async (windows) => {
        expectInUse("detect");
        const rows = await outputsOfWindows(windows);
        const saidOf = (row: ClipOutputs) => {
          const { scores, none } = clipScores(row, { functionToApply, settings }, model.labels);
          return { scores: Float64Array.from(scores), ...none && { none } };
        };
        return rows.map((row, i) => {
          expectFinite(row.logits, model.labels);
          if (!isOfFrames) return saidOf(row);
          const frames = frameOutputs(row, model, windows[i]!.samples.length);
          return frames.map((frame) => ({ ...saidOf(frame), end: frame.end }));
        });
      },
    }, asked);
  }
  async function embedList(
    inputs: readonly AudioInput[],
    asked: EmbedClipOptions,
  ): Promise<EmbeddedClip[]> {
    expectOptions("embed", asked, EMBED_OPTIONS);
    model.expectClipHead("embed", { speakers: true });
    const { samplingRate, ...chosen } = asked;
    const found: EmbeddedClip[] = [];
    const ruled = { ...clipRules, samplingRate };
    const { fixedSamples } = fitting;
    const rules = rulesFor(FUNCTION_OF[model.problemType], {});
    const outputFeatures = needsFeatures(rules.settings);
    const asEmbedded = { ...chosen, outputFeatures, samplingRate: clipRules.rateHz };
    for await (const clips of batches(inputs, ruled, { fixedSamples, keepsLong: false })) {
      if (!Array.isArray(clips)) continue;
      for (
        const { logits, features, ...embedding } of await model.embed(batchOf(clips), asEmbedded)
      ) {
        expectFinite(logits, model.labels);
        const classes = bestClasses({ logits, features }, model.labels, {
          ...rules,
          topK: Infinity,
        });
        found.push({ ...embedding, classes });
      }
    }
    return found;
  }
  async function embed(
    input: AudioInput | readonly AudioInput[],
    asked: EmbedClipOptions = {},
  ): Promise<EmbeddedClip | EmbeddedClip[]> {
    expectInUse("embed");
    if (isList(input)) return await embedList(input, asked);
    const [embedding] = await embedList([input], asked);
    return embedding!;
  }
  async function classify(
    input: AudioInput | readonly AudioInput[],
    asked: ClassifyOptions = {},
  ): Promise<Classification[] | Classification[][]> {
    expectInUse("classify");
    if (isList(input)) return await classifyList(input, asked);
    const [result] = await classifyList([input], asked);
    return result!;
  }
  let isDisposed = false;
  const expectInUse = (does: string) => {
    if (!isDisposed) return;
    throw new TypeError(`Cannot ${does}: expected a classifier in use, found a disposed one`);
  };
  const dispose = () => {
    if (!isDisposed) model.dispose();
    isDisposed = true;
  };
  const members = { model, extractor, labels: model.labels, detect, embed, dispose };
  return {
    classifier: Object.assign(classify as AudioClassifier, members),
    outputsOf,
    answer: (outputs, asked) => classesOf(outputs, answerRules(asked)),
  };
}

/** Neighbours of one length together, or any where all become `fixedSamples` long; one batch is in memory at a time. */
async function* batches(
  inputs: readonly AudioInput[],
  rules: ClipRules,
  { fixedSamples, keepsLong }: { fixedSamples?: number; keepsLong: boolean },
): AsyncGenerator<Float32Array[] | { tooLong: AudioInput }> {
  const mostSamples = Math.min(MAX_BATCH_SECONDS, rules.maxSeconds) * rules.rateHz;
  const widthOf = (clip: Float32Array) => fixedSamples ?? clip.length;
  let batch: Float32Array[] = [];
  for (const [i, input] of inputs.entries()) {
    const name = inputs.length > 1 ? `clip ${i + 1} of ${inputs.length}` : undefined;
    const samples = await clipSamples(input, rules, name).catch((error: unknown) => {
      if (keepsLong && error instanceof TooLongError) return undefined;
      throw error;
    });
    if (samples === undefined) {
      if (batch.length > 0) yield batch;
      batch = [];
      yield { tooLong: input };
      continue;
    }
    const width = widthOf(samples);
    const fits = batch.length < MAX_BATCH_CLIPS && batch.every((clip) => widthOf(clip) === width) &&
      (batch.length + 1) * width <= mostSamples;
    if (!fits && batch.length > 0) {
      yield batch;
      batch = [];
    }
    batch.push(samples);
  }
  if (batch.length > 0) yield batch;
}

/** Refuses windows that the model cannot take, hears only in part, or for which there is no memory. */
function expectWindow(
  { windowSamples }: DetectPlan,
  { rateHz, minSamples, maxSeconds }: ClipRules,
  fixedSamples = Infinity,
): void {
  const found = `found ${windowSamples / rateHz} s`;
  if (windowSamples < minSamples) {
    const least = `expected \`windowSeconds\` of at least ${(minSamples / rateHz).toFixed(4)}`;
    throw new RangeError(`Cannot detect: ${least}, the shortest clip of the model, ${found}`);
  }
  if (windowSamples > fixedSamples) {
    const most = `expected \`windowSeconds\` of at most ${(fixedSamples / rateHz).toFixed(2)}`;
    throw new RangeError(`Cannot detect: ${most}, all that the model hears of a clip, ${found}`);
  }
  if (windowSamples > maxSeconds * rateHz) {
    const most = `expected \`windowSeconds\` of at most ${maxSeconds}`;
    throw new RangeError(
      `Cannot detect: ${most}, the longest clip that fits into memory, ${found}`,
    );
  }
}

function expectFinite(logits: Float32Array, labels: readonly string[]): void {
  let odd = 0;
  while (odd < logits.length && Number.isFinite(logits[odd])) odd++;
  if (odd === logits.length) return;
  throw new RangeError(
    `Cannot classify: expected finite scores, found ${logits[odd]} for "${
      labels[odd % labels.length]
    }"; ` +
      "the model's weights are not sound",
  );
}

const FUNCTION_OF: Readonly<Record<ProblemType, ScoreFunction>> = {
  single_label_classification: "softmax",
  multi_label_classification: "sigmoid",
  regression: "none",
};

const OPTIONS = [
  "topK",
  "functionToApply",
  "rawScores",
  "samplingRate",
  "maxSeconds",
  "maxDecodedBytes",
  "longClips",
  "onWarning",
  "onDecoded",
  "turn",
  "share",
];
/** Those that say what becomes of a clip's outputs. */
const RULES = ["topK", "functionToApply", "rawScores"] as const;
const EMBED_OPTIONS = ["layer", "pooling", "samplingRate"];

/**
 * Refuses an option that is none, since it would have no effect.
 *
 * @throws {TypeError} naming it, and the option that was meant where Python's spelling was used.
 */
export function expectOptions(does: string, options: object, known: readonly string[]): void {
  const odd = Object.keys(options).find((name) => !known.includes(name));
  if (odd === undefined) return;
  const camel = odd.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const expected = known.includes(camel) ? `"${camel}"` : `options ${known.join(", ")}`;
  throw new TypeError(`Cannot ${does}: expected ${expected}, found option "${odd}"`);
}

function checkedOptions(
  options: ClassifyOptions,
  problemType: ProblemType,
): { topK: number; functionToApply: ScoreFunction } {
  expectOptions("classify", options, OPTIONS);
  const { functionToApply = FUNCTION_OF[problemType] } = options;
  const topK = options.topK === null ? Infinity : options.topK ?? DEFAULT_TOP_K;
  const whole = Number.isInteger(topK) || topK === Infinity;
  if (!whole || topK < 1) {
    throw new RangeError(`Cannot classify: expected topK of 1 or more, found ${topK}`);
  }
  if (SCORE_FUNCTIONS.includes(functionToApply)) return { topK, functionToApply };
  throw new RangeError(
    `Cannot classify: expected functionToApply ${
      SCORE_FUNCTIONS.join(" or ")
    }, found ${functionToApply}`,
  );
}

/** A list of clips; channels of one are given as `samples`. */
function isList(input: AudioInput | readonly AudioInput[]): input is readonly AudioInput[] {
  return Array.isArray(input);
}
