/**
 * The features of a base model that stays as it is: computed once for a clip, and taken from there in every epoch and
 * evaluation after, and in later runs.
 *
 * On WASM the weights that come of it are the same to the bit: a row of features depends neither on the other clips of
 * its batch nor on whether a gradient is taken, and where it depends on padding, padding is part of its key.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import type { AudioClassificationModel } from "../../models/model.ts";
import type { Batch, BatchSource } from "../batches/batches.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import { backboneKey, baseConfig, inputKeys } from "./_key.ts";
import { VectorStore } from "./_vector_store.ts";

/** Where features are kept, and who hears of trouble with that. */
export interface FrozenFeaturesOptions {
  /** A folder for the features of all models. @default memory alone */
  directory?: string;
  /** Called where the folder cannot be used. */
  onNotice?: (message: string) => void;
}

/** Whether training leaves the base model as it is. */
export function isBaseFrozen(model: AudioClassificationModel): boolean {
  return model.lora === undefined &&
    ![...model.trainable().keys()].some((name) => model.isOfBase(name));
}

/** What computes the features of a model's base once; undefined where training changes the base. */
export function frozenFeatures(
  model: AudioClassificationModel,
  { frozenBaseEval }: Pick<TrainingArguments, "frozenBaseEval">,
  options: FrozenFeaturesOptions,
): FrozenFeatures | undefined {
  const noise = frozenBaseEval ? [] : model.trainingNoise;
  // A batch norm takes in what it sees in training, frozen or not.
  if (!isBaseFrozen(model) || noise.includes("batch norm")) return undefined;
  return new FrozenFeatures(model, { ...options, inTraining: noise.length === 0 });
}

/** Gives batches the features of their clips. */
export class FrozenFeatures {
  readonly #model: AudioClassificationModel;
  readonly #options: FrozenFeaturesOptions & { inTraining: boolean };
  readonly #stores = new Map<string, Promise<VectorStore>>();

  /** `options`: `inTraining`: whether passes of training give what those of evaluation do. */
  constructor(
    model: AudioClassificationModel,
    options: FrozenFeaturesOptions & { inTraining: boolean },
  ) {
    this.#model = model;
    this.#options = options;
  }

  /** The same batches, with features where these stay the same. */
  of(source: BatchSource): BatchSource {
    return {
      size: source.size,
      labels: source.labels && (() => source.labels!()),
      fingerprint: source.fingerprint && (() => source.fingerprint!()),
      varies: source.varies && (() => source.varies!()),
      batchCount: (batchSize) => source.batchCount(batchSize),
      batches: (epoch, options) => this.#batches(source, epoch, options),
    };
  }

  async *#batches(
    source: BatchSource,
    epoch: number,
    options: { batchSize: number; skip?: number },
  ): AsyncIterable<Batch> {
    const isTraining = epoch >= 0;
    if (isTraining && (!this.#options.inTraining || await source.varies?.())) {
      yield* source.batches(epoch, options);
      return;
    }
    const store = await this.#store();
    try {
      for await (const batch of source.batches(epoch, options)) {
        yield { ...batch, features: await this.#featuresOf(batch, store) };
      }
    } finally {
      await store.save();
    }
  }

  /** The vectors of this model as it is configured now. */
  #store(): Promise<VectorStore> {
    const model = this.#model;
    // What a model of transformers 4 sums changes when training starts.
    const config = baseConfig(model);
    const known = this.#stores.get(config);
    if (known) return known;
    const made = this.#newStore();
    this.#stores.set(config, made);
    return made;
  }

  async #newStore(): Promise<VectorStore> {
    const { directory, onNotice } = this.#options;
    const key = await backboneKey(this.#model);
    return new VectorStore({ directory: directory && `${directory}/${key}`, onNotice });
  }

  /** `[B, D]` for each state. */
  async #featuresOf(batch: Batch, store: VectorStore): Promise<Float32Array[]> {
    const keys = inputKeys(batch, this.#model);
    const vectors = await store.get(keys);
    const lacking = [...keys.keys()].filter((i) => !vectors[i]);
    if (lacking.length > 0) {
      const computed = await this.#compute(rowsOf(batch, lacking));
      for (const [at, i] of lacking.entries()) {
        vectors[i] = computed[at];
        await store.add(keys[i]!, computed[at]!);
      }
    }
    const states = this.#model.parameters.get("layer_weights")?.size ?? 1;
    const size = vectors[0]!.length / states;
    return Array.from({ length: states }, (_, state) => {
      const features = new Float32Array(keys.length * size);
      vectors.forEach((vector, i) => {
        features.set(vector!.subarray(state * size, (state + 1) * size), i * size);
      });
      return features;
    });
  }

  /** A vector for each clip, one state after the other. */
  async #compute({ inputs: values, shape, lengths }: Batch): Promise<Float32Array[]> {
    const inputs = tensor(values, shape, "float32");
    const states = tidy(() =>
      this.#model.forward({ inputs, lengths }, { outputFeatures: true }).features!
    );
    inputs.dispose();
    const [clips] = shape as [number];
    const rows = await Promise.all(states.map((state) => state.data() as Promise<Float32Array>));
    states.forEach((state) => state.dispose());
    return Array.from({ length: clips }, (_, clip) => {
      const parts = rows.map((row) => {
        const size = row.length / clips;
        return row.subarray(clip * size, (clip + 1) * size);
      });
      const vector = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
      parts.forEach((part, state) => vector.set(part, state * part.length));
      return vector;
    });
  }
}

/** Some clips of a batch, padded as they were. */
function rowsOf(batch: Batch, rows: readonly number[]): Batch {
  const { inputs, shape: [clips, ...rest], lengths } = batch;
  if (rows.length === clips) return batch;
  const size = inputs.length / clips!;
  const chosen = new Float32Array(rows.length * size);
  rows.forEach((row, i) => chosen.set(inputs.subarray(row * size, (row + 1) * size), i * size));
  return {
    ...batch,
    inputs: chosen,
    shape: [rows.length, ...rest],
    lengths: lengths && Int32Array.from(rows, (row) => lengths[row]!),
  };
}
