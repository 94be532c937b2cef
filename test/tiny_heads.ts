/**
 * Tiny models of one base and several heads, as directories.
 *
 * @module
 */
import { tensor } from "@tensorflow/tfjs-core";
import { exportHead } from "../src/export/mod.ts";
import { type AudioClassificationModel, buildModel, type JsonObject } from "../src/models/mod.ts";
import { savePretrained } from "../src/pretrained.ts";
import { TINY_CONFIG, tinyExtractor } from "./tiny_model.ts";

/** A model on the base of `tinyModel()`, its head drawn by another seed. */
export async function tinyOnSameBase(
  labels: readonly string[],
  { seed = 9, fields = {} }: { seed?: number; fields?: JsonObject } = {},
): Promise<AudioClassificationModel> {
  const base = await buildModel(TINY_CONFIG, { seed: 1 });
  const model = await buildModel({ ...TINY_CONFIG, ...fields }, { seed, labels });
  for (const [name, parameter] of model.parameters) {
    if (model.isOfBase(name)) parameter.assign(base.parameters.get(name)!);
    else if (name.endsWith("bias")) {
      const values = Float32Array.from({ length: parameter.size }, (_, i) => 0.1 * i - 0.2);
      const first = tensor(values, parameter.shape);
      parameter.assign(first);
      first.dispose();
    }
  }
  base.dispose();
  return model;
}

/**
 * Writes a whole model into `folder/name`, and its head alone into `folder/name-head`.
 *
 * @param fields of its config.
 */
export async function saveTinyHead(
  folder: string,
  name: string,
  labels: readonly string[],
  options: { seed?: number; fields?: JsonObject } = {},
): Promise<void> {
  const model = await tinyOnSameBase(labels, options);
  await savePretrained(`${folder}/${name}`, model, tinyExtractor());
  model.dispose();
  await exportHead({ model: `${folder}/${name}`, output: `${folder}/${name}-head` });
}
