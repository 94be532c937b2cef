/**
 * A split of recordings as batches for the trainer: planned, loaded ahead, cut to length, and turned into
 * model input by the feature extractor.
 *
 * Training batches hold clips of like length in an order of each epoch's own. In evaluation a clip's scores must not
 * depend on its neighbours: where padding matters to the model, only clips of equal length share a batch. An extractor
 * that brings every clip to one length has neither worry.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { clipDurations } from "../data/durations.ts";
import { ClipLoader, type ClipLoaderOptions, type ClipNotice } from "../data/loader.ts";
import { planBatches } from "../data/sampler.ts";
import { type FeatureExtractor, ofAnyLength } from "../features/feature_extractor.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import type { Random } from "../random.ts";
import { augmentation } from "./augment.ts";
import type { Batch, BatchSource } from "./batches.ts";

/** How clips become batches. */
export interface ClipBatchesOptions {
  /**
   * Longer clips are cut: at random in training, at the end in evaluation, where an extractor that fixes the length
   * of clips decides instead. @default 20
   */
  maxLengthSeconds?: number;
  /** Whether training batches are made of clips of like length. @default true */
  groupByLength?: boolean;
  /** Seed of the order and the cuts. @default 42 */
  seed?: number;
  /** Whether unreadable files are left out. @default false */
  skipBadFiles?: boolean;
  /** Told of silent, odd and skipped clips. */
  onNotice?: (notice: ClipNotice) => void;
  /** Training clips are played faster or slower by up to this share. @default 0 */
  augmentSpeed?: number;
}

/** After so long, timers and signals get their turn: clips in memory and a CPU device never wait. */
const TURN_MS = 100;

/** Makes the batches of one split for one model. */
export function clipBatches(
  dataset: AudioDataset,
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
  options: ClipBatchesOptions = {},
): BatchSource {
  return new ClipBatches(dataset, model, extractor, options);
}

class ClipBatches implements BatchSource {
  readonly #dataset: AudioDataset;
  readonly #extractor: FeatureExtractor;
  readonly #options: ClipBatchesOptions;
  /** The longest clips of evaluation. */
  readonly #maxSamples: number;
  readonly #paddingInvariant: boolean;
  readonly #training: ClipLoader;
  readonly #evaluation: ClipLoader;

  constructor(
    dataset: AudioDataset,
    model: AudioClassificationModel,
    extractor: FeatureExtractor,
    options: ClipBatchesOptions,
  ) {
    const { maxLengthSeconds = 20, seed = 42, skipBadFiles, onNotice } = options;
    const augment = augmentation({ speed: options.augmentSpeed });
    this.#dataset = dataset;
    this.#extractor = model.takesAnyLength ? ofAnyLength(extractor) : extractor;
    this.#options = options;
    this.#paddingInvariant = model.paddingInvariant;
    const minSamples = Math.max(model.minSamples, extractor.minSamples);
    const { samplingRate, fixedSamples } = this.#extractor;
    const maxSamples = Math.max(minSamples, Math.round(maxLengthSeconds * samplingRate));
    this.#maxSamples = fixedSamples ?? maxSamples;
    const loading: ClipLoaderOptions = { samplingRate, minSamples, seed, skipBadFiles, onNotice };
    this.#evaluation = new ClipLoader(dataset, loading);
    this.#training = new ClipLoader(dataset, {
      ...loading,
      transform: (samples, random) => {
        const changed = augment?.(samples, random) ?? samples;
        const heard = changed.length >= minSamples ? changed : samples;
        return randomCut(heard, Math.min(maxSamples, this.#maxSamples), random);
      },
    });
  }

  get size(): number {
    return this.#dataset.clips.length;
  }

  batchCount(batchSize: number): number {
    return Math.ceil(this.size / batchSize);
  }

  async *batches(
    epoch: number,
    { batchSize, skip = 0 }: { batchSize: number; skip?: number },
  ): AsyncIterable<Batch> {
    const training = epoch >= 0;
    const byLength = this.#extractor.fixedSamples === undefined &&
      (!training || (this.#options.groupByLength ?? true));
    const plan = planBatches(this.size, {
      batchSize,
      durations: byLength ? await clipDurations(this.#dataset.clips) : undefined,
      shuffle: training,
      seed: this.#options.seed,
      epoch: Math.max(0, epoch),
    });
    const loader = training ? this.#training : this.#evaluation;
    let turnAt = performance.now();
    for await (const loaded of loader.batches(plan.slice(skip), Math.max(0, epoch))) {
      const clips = loaded.clips.map((clip) => clip.subarray(0, this.#maxSamples));
      const places = clips.map((_, i) => i);
      const groups = training || this.#mixesLengths() ? [places] : equalLengths(clips);
      for (const group of groups) {
        if (performance.now() - turnAt > TURN_MS) {
          await new Promise((resolve) => setTimeout(resolve));
          turnAt = performance.now();
        }
        yield {
          ...this.#features(group.map((i) => clips[i]!)),
          labels: Int32Array.from(group, (i) => loaded.labels[i]!),
          indices: group.map((i) => loaded.indices[i]!),
          position: skip + loaded.position,
        };
      }
    }
  }

  /**
   * Whether scores are the same in a padded batch: clips are padded alike in any batch, or the model must be told of
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
    const told = fixed || features.attentionMask !== undefined;
    return {
      inputs: features.inputValues,
      shape: features.shape,
      lengths: told ? features.lengths : undefined,
    };
  }
}

/** At most so many samples, from a random place. */
function randomCut(samples: Float32Array, maxSamples: number, random: Random): Float32Array {
  const spare = samples.length - maxSamples;
  if (spare <= 0) return samples;
  const begin = random.below(spare + 1);
  return samples.subarray(begin, begin + maxSamples);
}

/** Places of the clips, grouped by length. */
function equalLengths(clips: Float32Array[]): number[][] {
  const groups = new Map<number, number[]>();
  clips.forEach(({ length }, i) => groups.set(length, [...groups.get(length) ?? [], i]));
  return [...groups.values()];
}
