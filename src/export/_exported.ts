/**
 * What every export of a whole model begins with: a new output, and a model whose weights are as they were trained.
 *
 * @module
 */
import type { FeatureExtractor } from "../features/mod.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
import { expectLastLayer } from "../models/neighbours.ts";
import { AutoFeatureExtractor, filesOf, loadPretrained } from "../pretrained.ts";
import type { FileReader } from "../weights/byte_source.ts";
import { expectNew } from "./_export_files.ts";
import { expectTrained } from "./trained.ts";

/** What is exported, before its weights are read. */
export interface Exported {
  files: FileReader;
  extractor: FeatureExtractor;
}

/**
 * Opens a model that is to be exported.
 *
 * @throws {FileError} when the output holds something already.
 * @throws {CheckpointError} when the model is an export of 8 bits itself.
 */
export async function openExported(
  { model, adapter, output }: { model: string; adapter?: string; output: string },
): Promise<Exported> {
  await expectNew(output);
  await expectTrained(model, "export");
  const files = await filesOf(model, { adapter });
  return { files, extractor: await AutoFeatureExtractor.fromPretrained(files) };
}

/**
 * Calls with the model itself, and gives its memory back.
 *
 * @param name the model's, for messages.
 * @throws {CheckpointError} when it cannot classify.
 */
export async function withExportedModel<Result>(
  files: FileReader,
  name: string,
  use: (model: AudioClassificationModel) => Promise<Result>,
): Promise<Result> {
  const model = await loadPretrained(files);
  try {
    model.expectComplete(name);
    expectLastLayer(model, `export "${name}"`);
    return await use(model);
  } finally {
    model.dispose();
  }
}
