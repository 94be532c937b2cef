/**
 * A split of recordings as batches for the trainer: planned, loaded ahead, cut to length, and turned into
 * model input by the feature extractor.
 *
 * Training batches hold clips of like length in an order of each epoch's own, and pieces of long ones. In evaluation a
 * clip is whole, or in windows where it is too long for that, as in prediction, and its scores must not depend on its neighbours: where padding matters to the model, only clips of equal length share a batch. An extractor
 * that brings every clip to one length has neither worry.
 *
 * @module
 */
import type { AudioDataset } from "../../data/audio_dataset.ts";
import { seededRandom } from "../../data/random.ts";
import {
  longRecordingNotice,
  longRecordingWindows,
  WindowCutter,
  type WindowOptions,
} from "../../detect/mod.ts";
import { DatasetError, UnsupportedOpError } from "../../errors.ts";
import { clipDurations } from "../../data/durations.ts";
import {
  type ClipBatch,
  ClipLoader,
  type ClipLoaderOptions,
  type ClipNotice,
  MAX_CLIP_SECONDS,
  MAX_LONG_SECONDS,
} from "../../data/loader.ts";
import { type BatchPlan, planBatches } from "../../data/sampler.ts";
import { type FeatureExtractor, ofAnyLength } from "../../features/feature_extractor.ts";
import type { InferenceModel } from "../../models/inference_model.ts";
import type { Random } from "../../random.ts";
import { TrainingArguments, type TrainingOptions } from "../options/arguments.ts";
import { augmentation, type AugmentOptions, shift } from "./_augment.ts";
import { balancedOrder } from "./_balanced_order.ts";
import {
  type Batch,
  type BatchesOptions,
  type BatchSource,
  countOfBatches,
  equalLengths,
  type EvaluationViews,
} from "./batches.ts";
import { clipFingerprint } from "./_fingerprint.ts";
import { maskSpectrograms } from "./_spectrogram_masks.ts";
import { mixPairs, type PickedClips } from "./_mixup.ts";
import { loadNoises } from "./_noise_folder.ts";

/** How clips become batches, under the names of the training arguments. */
export interface ClipBatchesOptions
  extends Partial<Pick<TrainingOptions, (typeof CLIP_ARGUMENTS)[number]>> {
  /** Seed of the order, the cuts and the changes. @default 42 */
  seed?: number;
  /** Paths of the recordings that noise is taken from. @default all in `augmentNoiseDir` */
  noiseFiles?: readonly string[];
  /** Called for silent, odd and skipped clips. */
  onNotice?: (notice: ClipNotice) => void;
}

/** The training arguments that are about clips and their order. */
export const CLIP_ARGUMENTS = [
  "maxLengthSeconds",
  "groupByLength",
  "trainSamplingStrategy",
  "balancedSampling",
  "dataloaderDropLast",
  "dataloaderPrefetchFactor",
  "augmentSpeed",
  "augmentShiftSeconds",
  "augmentGainDb",
  "augmentWindowSeconds",
  "augmentNoise",
  "augmentNoiseMinSnrDb",
  "augmentNoiseMaxSnrDb",
  "augmentNoiseDir",
  "augmentMixup",
  "augmentTimeMask",
  "augmentBandMask",
  "featureViews",
  "skipBadFiles",
] as const;

/** What the arguments of a run say about its clips. */
export function clipBatchesOptions(args: TrainingArguments): ClipBatchesOptions {
  const own = Object.fromEntries(CLIP_ARGUMENTS.map((name) => [name, args[name]]));
  return { ...own, seed: args.dataSeed };
}

/** The options with the defaults of the arguments for what is not given. */
function clipSettings(options: ClipBatchesOptions): TrainingArguments {
  const names = [...CLIP_ARGUMENTS, "seed"] as const;
  const given = Object.fromEntries(names.map((name) => [name, options[name]]));
  return new TrainingArguments({ outputDir: ".", ...given });
}

/** After so long, timers and signals get their turn: clips in memory and a CPU device never wait. */
const TURN_MS = 100;

/** Sets the draws of mixed pairs apart from those of single clips. */
const MIX_KEY = 2 ** 31;

/** The same of masks. */
const MASK_KEY = 3 * 2 ** 30;

/** Sets the draws of an order apart from those of its clips. */
const ORDER_KEY = 2 ** 32 - 1;

/** Makes the batches of one split for one model. */
export function clipBatches(
  dataset: AudioDataset,
  model: InferenceModel,
  extractor: FeatureExtractor,
  options: ClipBatchesOptions = {},
): BatchSource {
  return new ClipBatches(dataset, model, extractor, options);
}

class ClipBatches implements BatchSource {
  readonly #dataset: AudioDataset;
  readonly #extractor: FeatureExtractor;
  readonly #settings: TrainingArguments;
  readonly #paddingInvariant: boolean;
  readonly #trainingSamples: { min: number; max: number };
  readonly #loading: ClipLoaderOptions;
  readonly #evaluation: ClipLoader;
  readonly #noiseFiles: ClipBatchesOptions["noiseFiles"];
  readonly #onNotice: ClipBatchesOptions["onNotice"];
  readonly #longWindows: WindowOptions;
  readonly #knownLong = new Set<number>();
  #training: Promise<ClipLoader> | undefined;

  constructor(
    dataset: AudioDataset,
    model: InferenceModel,
    extractor: FeatureExtractor,
    options: ClipBatchesOptions,
  ) {
    const settings = clipSettings(options);
    const { maxLengthSeconds, seed, skipBadFiles } = settings;
    this.#dataset = dataset;
    this.#extractor = model.takesAnyLength ? ofAnyLength(extractor) : extractor;
    this.#settings = settings;
    expectMaskable(settings, extractor);
    this.#noiseFiles = options.noiseFiles;
    this.#onNotice = options.onNotice;
    this.#paddingInvariant = model.paddingInvariant;
    const minSamples = Math.max(model.minSamples, extractor.minSamples);
    const { samplingRate, fixedSamples } = this.#extractor;
    const maxSamples = Math.max(minSamples, Math.round(maxLengthSeconds * samplingRate));
    this.#trainingSamples = {
      min: minSamples,
      max: Math.min(maxSamples, fixedSamples ?? Infinity),
    };
    this.#loading = {
      samplingRate,
      minSamples,
      seed,
      skipBadFiles,
      onNotice: options.onNotice,
      prefetch: settings.dataloaderPrefetchFactor,
    };
    this.#evaluation = new ClipLoader(dataset, { ...this.#loading, maxSeconds: MAX_LONG_SECONDS });
    const hearing = { labels: model.labels, rateHz: samplingRate, config: model.ownConfig.detect };
    const max = fixedSamples ?? Infinity;
    this.#longWindows = longRecordingWindows(hearing, { min: minSamples, max });
  }

  /** Decodes for training; noise is read when the first epoch begins. */
  async #makeTraining(): Promise<ClipLoader> {
    const { min, max } = this.#trainingSamples;
    const { samplingRate } = this.#extractor;
    const { augmentNoise: share, augmentNoiseDir: directory } = this.#settings;
    const noises = directory !== undefined && share > 0
      ? await loadNoises(directory, samplingRate, this.#noiseFiles)
      : undefined;
    const augment = augmentation(augmentOptions(this.#settings, samplingRate, noises));
    return new ClipLoader(this.#dataset, {
      ...this.#loading,
      transform: (samples, random) => {
        const changed = augment?.(samples, random) ?? samples;
        return randomCut(changed.length >= min ? changed : samples, max, random);
      },
    });
  }

  get size(): number {
    return this.#dataset.clips.length;
  }

  labels(): Promise<Int32Array | undefined> {
    return Promise.resolve(this.#singleLabels());
  }

  fingerprint(): Promise<string> {
    return clipFingerprint(this.#dataset);
  }

  async varies(): Promise<boolean> {
    if (this.#settings.featureViews > 0) return false;
    if (this.#mixes) return true;
    const { samplingRate } = this.#extractor;
    if (augmentation(augmentOptions(this.#settings, samplingRate))) return true;
    const { max } = this.#trainingSamples;
    const durations = await clipDurations(this.#dataset.clips);
    return durations.some((seconds) => Math.round(seconds * samplingRate) > max);
  }

  /** Whether what becomes of a clip depends on its batch. */
  get #mixes(): boolean {
    const { augmentMixup, augmentTimeMask, augmentBandMask } = this.#settings;
    return augmentMixup + augmentTimeMask + augmentBandMask > 0;
  }

  #singleLabels(): Int32Array | undefined {
    const { clips } = this.#dataset;
    if (clips.some(({ targets }) => targets !== undefined)) return undefined;
    return Int32Array.from(clips, ({ label }) => label);
  }

  batchCount(batchSize: number): number {
    return countOfBatches(this.size, batchSize, this.#settings.dataloaderDropLast);
  }

  async *batches(
    epoch: number,
    { batchSize, skip = 0, views: evaluated }: BatchesOptions,
  ): AsyncIterable<Batch> {
    const training = epoch >= 0;
    const shifts = training ? [0] : viewShifts(evaluated, this.#extractor.samplingRate);
    const { featureViews: views } = this.#settings;
    const drawn = training && views > 0 ? epoch % views : Math.max(0, epoch);
    const order = this.#mixes ? drawn : epoch;
    const plan =
      await (training ? this.#trainingPlan(order, batchSize) : this.#evaluationPlan(batchSize));
    const loader = training ? await (this.#training ??= this.#makeTraining()) : this.#evaluation;
    let turnAt = performance.now();
    for await (const loaded of loader.batches(plan.slice(skip), drawn)) {
      const { clips } = loaded;
      if (!training) yield* this.#longBatches(loaded, batchSize, skip);
      const places = clips.map((_, i) => i).filter((i) => training || !this.#isLong(clips[i]!));
      if (places.length === 0) continue;
      const alike = training || this.#mixesLengths()
        ? [places]
        : equalLengths(places.map((i) => clips[i]!)).map((group) => group.map((at) => places[at]!));
      const isBounded = training || this.#extractor.fixedSamples !== undefined;
      const most = batchSize * this.#trainingSamples.max;
      const groups = isBounded ? alike : alike.flatMap((group) => withinBudget(group, clips, most));
      for (const group of groups) {
        if (performance.now() - turnAt > TURN_MS) {
          await new Promise((resolve) => setTimeout(resolve));
          turnAt = performance.now();
        }
        const position = skip + loaded.position;
        const picked: PickedClips = {
          clips: group.map((i) => clips[i]!),
          labels: rowsOf(loaded.labels, group, clips.length),
          indices: group.map((i) => loaded.indices[i]!),
        };
        const { clips: sounds, ...named } = training
          ? this.#mixed(picked, drawn, position)
          : picked;
        for (const later of shifts) {
          const moved = later === 0 ? sounds : sounds.map((clip) => shift(clip, later));
          const features = this.#features(moved);
          if (training) this.#mask(features, drawn, position);
          yield { ...features, ...named, position };
        }
      }
    }
  }

  /** Pairs of clips of a batch mixed, where that is asked for. */
  #mixed(picked: PickedClips, epoch: number, position: number): PickedClips {
    const { augmentMixup: concentration, seed } = this.#settings;
    if (concentration === 0) return picked;
    return mixPairs(picked, concentration, seededRandom(seed, epoch, MIX_KEY + position));
  }

  /** Blots out parts of spectrograms, where that is asked for. */
  #mask(features: Pick<Batch, "inputs" | "shape" | "lengths">, epoch: number, at: number): void {
    const { augmentTimeMask: timeShare, augmentBandMask: bandShare, seed } = this.#settings;
    if (timeShare === 0 && bandShare === 0) return;
    maskSpectrograms(features, { timeShare, bandShare }, seededRandom(seed, epoch, MASK_KEY + at));
  }

  #isLong(clip: Float32Array): boolean {
    return clip.length > MAX_CLIP_SECONDS * this.#extractor.samplingRate;
  }

  /** The windows of clips that do not fit whole. */
  async *#longBatches(
    { clips, indices, labels, position }: ClipBatch,
    batchSize: number,
    skip: number,
  ): AsyncGenerator<Batch, void, void> {
    const { windowSamples } = this.#longWindows;
    const most = Math.floor(batchSize * this.#trainingSamples.max / windowSamples);
    const atOnce = Math.max(1, Math.min(batchSize, most));
    for (const [i, clip] of clips.entries()) {
      if (!this.#isLong(clip)) continue;
      const cutter = new WindowCutter(this.#longWindows);
      const windows = Array.from(cutter.push(clip), ({ samples }) => samples);
      const last = cutter.finish();
      if (last) windows.push(last.samples);
      this.#noticeLong(indices[i]!, clip, windows.length);
      for (let at = 0; at < windows.length; at += atOnce) {
        const some = windows.slice(at, at + atOnce);
        await new Promise((resolve) => setTimeout(resolve));
        yield {
          ...this.#features(some),
          labels: rowsOf(labels, some.map(() => i), clips.length),
          indices: some.map(() => indices[i]!),
          position: skip + position,
        };
      }
    }
  }

  #noticeLong(index: number, clip: Float32Array, windows: number): void {
    if (this.#knownLong.has(index)) return;
    this.#knownLong.add(index);
    const { samplingRate } = this.#extractor;
    const { file } = this.#dataset.clips[index]!;
    const seconds = clip.length / samplingRate;
    const windowSeconds = this.#longWindows.windowSamples / samplingRate;
    const message = longRecordingNotice({ file, seconds, windows, windowSeconds });
    this.#onNotice?.({ kind: "long", file, message });
  }

  /** Clips of each batch, in an order of the epoch's own. */
  async #trainingPlan(epoch: number, batchSize: number): Promise<BatchPlan> {
    const { balancedSampling, dataloaderDropLast, seed } = this.#settings;
    const { trainSamplingStrategy: strategy } = this.#settings;
    const byLength = strategy === "group_by_length" && this.#extractor.fixedSamples === undefined;
    const durations = byLength ? await clipDurations(this.#dataset.clips) : undefined;
    const order = balancedSampling
      ? balancedOrder(this.#labelsToBalance(), seededRandom(seed, epoch, ORDER_KEY))
      : Array.from({ length: this.size }, (_, i) => i);
    const plan = planBatches(this.size, {
      batchSize,
      durations: durations && order.map((clip) => durations[clip]!),
      shuffle: strategy !== "sequential",
      seed,
      epoch,
    }).map((places) => places.map((place) => order[place]!));
    const isDropped = dataloaderDropLast && this.size >= batchSize;
    return isDropped ? plan.filter(({ length }) => length === batchSize) : plan;
  }

  async #evaluationPlan(batchSize: number): Promise<BatchPlan> {
    const durations = this.#extractor.fixedSamples === undefined
      ? await clipDurations(this.#dataset.clips)
      : undefined;
    const plan = planBatches(this.size, { batchSize, durations, shuffle: false });
    // Alone, so that no more than a few of them are in memory.
    const known = durations ?? await clipDurations(this.#dataset.clips);
    return plan.flatMap((batch) => {
      const long = batch.filter((clip) => known[clip]! > MAX_CLIP_SECONDS);
      const others = batch.filter((clip) => !long.includes(clip));
      return [...long.map((clip) => [clip]), ...others.length > 0 ? [others] : []];
    });
  }

  #labelsToBalance(): Int32Array {
    const labels = this.#singleLabels();
    if (labels) return labels;
    throw new DatasetError(
      `Cannot balance data set "${this.#dataset.split}": expected clips of a single label`,
    );
  }

  /**
   * Whether scores are the same in a padded batch: clips are padded alike in any batch, or the model must know of
   * padding, and honour it.
   */
  #mixesLengths(): boolean {
    if (this.#extractor.fixedSamples !== undefined) return true;
    const { return_attention_mask, padding_side } = this.#extractor.toConfig();
    return return_attention_mask === true && padding_side !== "left" && this.#paddingInvariant;
  }

  #features(clips: Float32Array[]): Pick<Batch, "inputs" | "shape" | "lengths"> {
    const fixed = this.#extractor.fixedSamples !== undefined;
    const features = this.#extractor.extract(clips, fixed ? {} : { padding: true });
    const knowsLengths = fixed || features.attentionMask !== undefined;
    return {
      inputs: features.inputValues,
      shape: features.shape,
      lengths: knowsLengths ? features.lengths : undefined,
    };
  }
}

/** Long clips in fewer at a time, so that evaluation takes no more memory than training, where they are cut. */
function withinBudget(
  group: readonly number[],
  clips: readonly ArrayLike<number>[],
  maxSamples: number,
): number[][] {
  const longest = Math.max(...group.map((i) => clips[i]!.length));
  const count = Math.max(1, Math.floor(maxSamples / longest));
  const parts = Math.ceil(group.length / count);
  return Array.from({ length: parts }, (_, i) => group.slice(i * count, (i + 1) * count));
}

/** By how many samples a clip is moved for each view. */
function viewShifts(views: EvaluationViews | undefined, samplingRate: number): number[] {
  const { count, shiftSeconds } = views ?? { count: 1, shiftSeconds: 0 };
  if (count === 1) return [0];
  const most = shiftSeconds * samplingRate;
  return Array.from({ length: count }, (_, i) => Math.round(most * (2 * i / (count - 1) - 1)));
}

/** @throws {UnsupportedOpError} for masks of a spectrogram where the model takes samples. */
function expectMaskable(
  { augmentTimeMask, augmentBandMask }: TrainingArguments,
  extractor: FeatureExtractor,
): void {
  if (augmentTimeMask + augmentBandMask === 0) return;
  const { shape } = extractor.extract([new Float32Array(extractor.minSamples)]);
  if (shape.length === 3) return;
  const asked = augmentTimeMask > 0 ? "augmentTimeMask" : "augmentBandMask";
  throw new UnsupportedOpError(
    `Cannot use \`${asked}\`: expected an extractor of spectrograms, found ${extractor.type}`,
    { hint: "A model of samples masks as mask_time_prob and mask_feature_prob of its config say" },
  );
}

/** The changes that the options ask for, with noise from recordings where there are some. */
function augmentOptions(
  settings: TrainingArguments,
  samplingRate: number,
  noises?: Float32Array[],
): AugmentOptions {
  return {
    speed: settings.augmentSpeed,
    shiftSamples: Math.round(settings.augmentShiftSeconds * samplingRate),
    gainDb: settings.augmentGainDb,
    windowSamples: Math.round(settings.augmentWindowSeconds * samplingRate),
    noise: {
      share: settings.augmentNoise,
      minSnrDb: settings.augmentNoiseMinSnrDb,
      maxSnrDb: settings.augmentNoiseMaxSnrDb,
      recordings: noises,
    },
  };
}

/** The labels of some of the clips; each clip has the same number of them. */
function rowsOf<T extends Int32Array | Float32Array>(labels: T, rows: number[], clips: number): T {
  const width = labels.length / clips;
  const chosen = rows.flatMap((row) => Array.from(labels.subarray(row * width, (row + 1) * width)));
  return (labels instanceof Int32Array ? Int32Array.from(chosen) : Float32Array.from(chosen)) as T;
}

/** At most so many samples, from a random place. */
function randomCut(samples: Float32Array, maxSamples: number, random: Random): Float32Array {
  const spare = samples.length - maxSamples;
  if (spare <= 0) return samples;
  const begin = random.below(spare + 1);
  return samples.subarray(begin, begin + maxSamples);
}
