/**
 * What tests of architectures share: tiny configs, models on the reference device, and the kit's cases.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { runParityCase } from "../../src/commands/parity.ts";
import {
  type AudioClassificationModel,
  buildModel,
  type BuildModelOptions,
  type JsonObject,
} from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";
import { deviceTest } from "../devices.ts";
import { kitPath } from "../kit.ts";
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

/** Registers the kit's cases of an architecture on every device; on WebGPU the first, unless `PARITY_ALL=1`. */
export function kitCases(architecture: string, names: readonly string[]): void {
  deviceTest(`the kit's ${architecture} cases agree with the reference`, async (device, t) => {
    const all = device.name !== "webgpu" || Deno.env.get("PARITY_ALL") === "1";
    for (const name of all ? names : names.slice(0, 1)) {
      await t.step(name, async () => {
        const { ok, ...differences } = await runParityCase(kitPath(name), device.name);
        assert.ok(ok, `outside its limits: ${JSON.stringify(differences)}`);
      });
    }
  }, { needsKit: true });
}

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
