/**
 * What tests of architectures share: tiny configs, and models on the reference device.
 *
 * @module
 */
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import {
  type AudioClassificationModel,
  buildModel,
  type BuildModelOptions,
  type JsonObject,
} from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";
import { useReference } from "../reference/backend.ts";

/** A speech encoder of two layers that sees a frame in every ten samples. */
export const TINY_SPEECH: JsonObject = {
  hidden_size: 8,
  num_attention_heads: 2,
  intermediate_size: 12,
  num_hidden_layers: 2,
  conv_dim: [6, 6],
  conv_kernel: [10, 3],
  conv_stride: [5, 2],
  num_conv_pos_embeddings: 4,
  num_conv_pos_embedding_groups: 2,
  classifier_proj_size: 4,
  num_labels: 3,
};

/** Runs a body with a model on the reference device, and disposes the model. */
export async function withModel(
  json: JsonObject,
  body: (model: AudioClassificationModel) => void | Promise<void>,
  options: BuildModelOptions = {},
): Promise<void> {
  await useReference();
  const model = await buildModel(json, options);
  try {
    await body(model);
  } finally {
    model.dispose();
  }
}

/** Noise of a shape, the same in every run. */
export function noiseInputs(...shape: number[]): Tensor {
  const random = new Random(3);
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(Float32Array.from({ length: size }, () => random.normal()), shape);
}

/** Class scores of a batch, as plain numbers. */
export function scoresOf(
  model: AudioClassificationModel,
  inputs: Tensor,
  lengths?: Int32Array,
): number[] {
  const { logits, pooled } = model.forward({ inputs, lengths });
  const scores = Array.from(logits.dataSync());
  for (const part of [logits, pooled, inputs]) part.dispose();
  return scores;
}

/** The names of a model's parameters that contain a text. */
export function namesWith(model: AudioClassificationModel, part: string): string[] {
  return [...model.parameters.keys()].filter((name) => name.includes(part));
}
