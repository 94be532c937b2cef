/**
 * A linear classifier of features in the form that heads have, so that transformers reads it as well.
 *
 * Where a head is a projector with a classifier behind it, the projector is the layer and the classifier passes its
 * outputs on.
 *
 * @module
 */
import type { JsonObject } from "./_config_reader.ts";
import { labelFields } from "./labels.ts";

/** `weights [N, D]` row by row, `biases [N]` */
export interface LinearLayer {
  /** `[N, D]`, row by row. */
  weights: ArrayLike<number>;
  /** `[N]` */
  biases: ArrayLike<number>;
}

/** A tensor of a head in the memory of the program. */
export interface HeadTensor {
  /** Its hub name. */
  name: string;
  /** The length of each axis. */
  shape: number[];
  /** In row-major order. */
  values: Float32Array;
}

/** What `config.json` says of such a head, in the place of what it said. */
export function linearHeadFields(json: JsonObject, labels: readonly string[]): JsonObject {
  const { earshot: _, num_labels: __, ...others } = json;
  return {
    ...others,
    ...labelFields(labels),
    classifier_proj_size: labels.length,
    use_weighted_layer_sum: false,
    problem_type: "single_label_classification",
  };
}

/** The tensors of one with a projector. */
export function projectorTensors({ weights, biases }: LinearLayer): HeadTensor[] {
  const classes = biases.length;
  const identity = new Float32Array(classes * classes);
  for (let k = 0; k < classes; k++) identity[k * (classes + 1)] = 1;
  return [
    ...layerTensors("projector", { weights, biases }),
    ...layerTensors("classifier", { weights: identity, biases: new Float32Array(classes) }),
  ];
}

/** The tensors of one with a norm before its classifier, which has a gain of 1 and a bias of 0. */
export function normedTensors(
  names: { norm: string; dense: string },
  layer: LinearLayer,
): HeadTensor[] {
  const size = layer.weights.length / layer.biases.length;
  const norm = { weight: new Float32Array(size).fill(1), bias: new Float32Array(size) };
  return [
    ...Object.entries(norm).map(([part, values]) => {
      return { name: `${names.norm}.${part}`, shape: [size], values };
    }),
    ...layerTensors(names.dense, layer),
  ];
}

/** Features as a norm leaves them whose gain is 1 and whose bias 0. */
export function normalised(features: Float32Array, eps: number): Float32Array {
  const size = features.length;
  const mean = features.reduce((sum, value) => sum + value / size, 0);
  const variance = features.reduce((sum, value) => sum + (value - mean) ** 2 / size, 0);
  return features.map((value) => (value - mean) / Math.sqrt(variance + eps));
}

/** `weight` and `bias` of a layer. */
export function layerTensors(name: string, { weights, biases }: LinearLayer): HeadTensor[] {
  const classes = biases.length;
  return [
    {
      name: `${name}.weight`,
      shape: [classes, weights.length / classes],
      values: Float32Array.from(weights),
    },
    { name: `${name}.bias`, shape: [classes], values: Float32Array.from(biases) },
  ];
}
