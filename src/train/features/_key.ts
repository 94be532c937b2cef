/**
 * What features depend on: the base model on this device, and what goes into it.
 *
 * A model is known by its weights, its config, and by what the device makes of a few fixed numbers: another precision,
 * build of the kernels or device gives other bits. A clip is known by the model's input, padding included, unless the
 * model gives the same bits whatever is behind the clip.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { activation, layerNorm, linear } from "../../kernels.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { weightsFingerprint } from "../../weights/fingerprint.ts";
import type { Batch } from "../batches/batches.ts";

/** Fields of `config.json` that say nothing of the base model. */
const OF_HEAD = [
  "architectures",
  "classifier_proj_size",
  "dtype",
  "earshot",
  "finetuning_task",
  "id2label",
  "label2id",
  "problem_type",
];

/** A text that is the same for models whose features are the same to the bit on this device. */
export async function backboneKey(model: AudioClassificationModel): Promise<string> {
  const { parameters } = model;
  const weights = await weightsFingerprint({
    names: () => parameters.keys(),
    shape: (name) => parameters.get(name)?.shape,
    dtype: (name) => parameters.get(name)?.dtype,
    read: async (name) => Float32Array.from(await parameters.get(name)!.data()),
  }, (name) => model.isOfBase(name));
  const facts = JSON.stringify([weights, baseConfig(model), await deviceProbe()]);
  return createHash("sha256").update(facts).digest("hex");
}

/** The config of the base model, as a text. */
export function baseConfig(model: AudioClassificationModel): string {
  const fields = Object.entries(model.toConfig());
  return JSON.stringify(fields.filter(([name]) => !OF_HEAD.includes(name)));
}

const PROBE = { rows: 5, inputs: 67, outputs: 33 };

/** What products, a norm and an activation come to on the device in use. */
async function deviceProbe(): Promise<number[]> {
  const { rows, inputs, outputs } = PROBE;
  const wave = (size: number, step: number) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(step * i + 1));
  const result = tidy(() => {
    const x = tensor2d(wave(rows * inputs, 0.7), [rows, inputs]);
    const y = linear(x, tensor2d(wave(outputs * inputs, 0.3), [outputs, inputs]));
    const norm = [tensor1d(wave(outputs, 0.9)), tensor1d(wave(outputs, 0.2))] as const;
    return activation(layerNorm(y, ...norm, { eps: 1e-5 }), "gelu");
  });
  const values = await result.data();
  result.dispose();
  return [...values];
}

/** A text for each clip of a batch that is the same where the model's input is. */
export function inputKeys(
  { inputs, shape, lengths }: Batch,
  { paddingInvariant }: Pick<AudioClassificationModel, "paddingInvariant">,
): string[] {
  const [clips, ...rest] = shape as [number, ...number[]];
  const size = inputs.length / clips;
  // Only of samples: behind a spectrogram's frames there is no padding that a mask could name.
  const seesPadding = rest.length > 1 || !paddingInvariant;
  return Array.from({ length: clips }, (_, i) => {
    const row = inputs.subarray(i * size, (i + 1) * size);
    const seen = seesPadding ? row : row.subarray(0, lengths?.[i] ?? size);
    const facts = seesPadding ? [...rest, lengths?.[i] ?? "whole"] : [seen.length];
    const bytes = new Uint8Array(seen.buffer, seen.byteOffset, seen.byteLength);
    return createHash("sha256").update(`${facts}\n`).update(bytes).digest("hex");
  });
}
