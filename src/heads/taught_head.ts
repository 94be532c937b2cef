/**
 * A head that is fitted to examples while a program runs: the linear classifier of `train` with a linear head, over
 * features that were kept.
 *
 * @module
 */
import type { HeadTensor, InferenceModel, JsonObject, StoredHead } from "../models/mod.ts";
import { fitLinear } from "./linear_fit.ts";

/** Examples of a head; as many labels as vectors. */
export interface HeadExamples {
  /** Features of each clip, `[D]`. */
  vectors: readonly Float32Array[];
  /** The label of each. */
  labels: readonly string[];
  /** What holds the weights down. @default chosen by cross-validation */
  l2?: number;
}

/** A head as it was fitted. */
export interface TaughtHead {
  /** Class names by number: those of the examples, in the order in which they first came. */
  labels: readonly string[];
  /** What held the weights down. */
  l2: number;
  /** The `config.json` of backbone and head. */
  json: JsonObject;
  tensors: readonly HeadTensor[];
}

/**
 * Fits a head to examples.
 *
 * @throws {RangeError} where there are fewer than two labels.
 */
export function teachHead(backbone: InferenceModel, examples: HeadExamples): TaughtHead {
  const labels = [...new Set(examples.labels)];
  if (labels.length < 2) {
    throw new RangeError(
      `Cannot fit a head: expected examples of two labels or more, found ${labels.length}`,
    );
  }
  const size = backbone.featureSize;
  const vectors = new Float64Array(size * examples.vectors.length);
  for (const [i, features] of examples.vectors.entries()) {
    vectors.set(backbone.linearInput(features), i * size);
  }
  const numbers = examples.labels.map((label) => labels.indexOf(label));
  const data = { vectors, labels: numbers, classes: labels.length };
  const { l2, ...layer } = fitLinear(data, { l2: examples.l2 });
  return { labels, l2, ...backbone.linearHead(layer, labels) };
}

/** A head in memory as `withHead` takes it. */
export function storedHead(
  { json, tensors }: Pick<TaughtHead, "json" | "tensors">,
  file: string,
): StoredHead {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return {
    json,
    source: {
      file,
      names: () => byName.keys(),
      shape: (name) => byName.get(name)?.shape,
      read: (name) => Promise.resolve(byName.get(name)!.values),
    },
  };
}
