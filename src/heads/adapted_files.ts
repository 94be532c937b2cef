/**
 * The files and the weights of a model with an adapter on it, from the directories of both.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import type { JsonObject } from "../models/mod.ts";
import { labelFields, labelsInConfig } from "../models/labels.ts";
import { architectureOf } from "../models/registry.ts";
import { type FileReader, nameIn } from "../weights/byte_source.ts";
import { hasCheckpoint, openCheckpoint } from "../weights/checkpoint.ts";
import { readJsonFile, readJsonFileIfThere } from "../weights/json_file.ts";
import type { TensorSource } from "../weights/tensor_source.ts";
import { adaptedWeights } from "./_adapted_weights.ts";
import { ADAPTER_CONFIG, openAdapter } from "./adapter_directory.ts";
import { type LayeredFiles, layeredFiles, withConfig } from "./layered_files.ts";

/**
 * The files of a model with an adapter on it. Without a `config.json` of its own the adapter has its model's, with classes by
 * number where it has another number of them, and without what was fitted to the model's own scores.
 *
 * @throws {CheckpointError} where a file is missing or broken, or the adapter is of another kind of model.
 */
export async function adaptedFiles(above: FileReader, base: FileReader): Promise<LayeredFiles> {
  await expectWholeModel(base);
  const files = layeredFiles(above, base, "adapter");
  const json = await readJsonFile(base, "config.json");
  const own = await readJsonFileIfThere(above, "config.json");
  if (own) {
    if (own.model_type === json.model_type) return files;
    const file = nameIn(above, "config.json");
    throw new CheckpointError(
      `Cannot use adapter "${file}" on "${base.name}": expected a model of type "${own.model_type}", ` +
        `found "${json.model_type}"`,
      { file, key: "model_type" },
    );
  }
  const { earshot: _, ...fields } = json;
  const classes = await classesOf(above);
  const known = labelsInConfig(json, nameIn(base, "config.json"));
  if (classes === undefined || classes === known.length) return withConfig(files, fields);
  const { num_labels: __, ...others } = fields;
  const labels = Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
  return withConfig(files, { ...others, ...labelFields(labels) });
}

/** How many classes the adapter's own head has. */
async function classesOf(files: FileReader): Promise<number | undefined> {
  const { source } = await openAdapter(files);
  try {
    const name = [...source.names()].find((name) =>
      /\b(classifier\.(dense\.|5\.)?|outputlayer\.1\.)weight$/.test(name)
    );
    return name === undefined ? undefined : source.shape(name)![0];
  } finally {
    source.close();
  }
}

async function expectWholeModel(base: FileReader): Promise<void> {
  if (!await isAdapter(base)) return;
  const file = base.name ?? "model";
  throw new CheckpointError(
    `Cannot use an adapter on "${file}": expected a whole model, found another adapter`,
    { file, hint: "Merge that into its model, and use the whole" },
  );
}

/** Whether a directory has an adapter's config, and no weights of a model. */
export async function isAdapter(files: FileReader): Promise<boolean> {
  const config = await files.open(ADAPTER_CONFIG);
  config?.close?.();
  return config !== undefined && !await hasCheckpoint(files);
}

/**
 * The weights of both, merged.
 *
 * @throws {CheckpointError} where they do not belong together, or a file is broken.
 */
export async function openAdapted({ above, backbone }: LayeredFiles): Promise<TensorSource> {
  const { model_type }: JsonObject = await readJsonFile(backbone, "config.json");
  const architecture = architectureOf(model_type, nameIn(backbone, "config.json"));
  const adapter = await openAdapter(above);
  const opened: TensorSource[] = [adapter.source];
  try {
    const base = await openCheckpoint(backbone);
    opened.push(base);
    expectNumbers(base);
    return adaptedWeights(base, adapter, architecture);
  } catch (error) {
    for (const source of opened) source.close();
    throw error;
  }
}

/** @throws {CheckpointError} where an export holds the weights in the form of a device, which changes cannot be added to. */
function expectNumbers({ exported, file }: TensorSource): void {
  if (exported === undefined) return;
  throw new CheckpointError(
    `Cannot use an adapter on "${file}": expected weights as they were trained, found an export of ${exported}`,
    { file, hint: "Name the directory that it was exported from" },
  );
}
