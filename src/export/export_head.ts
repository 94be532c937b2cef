/**
 * The head of a fine-tuned model in a directory of its own, for use on the backbone that it was trained on.
 *
 * @module
 */
import { writeDirectoryAtomic, writeFiles } from "../files.ts";
import { type BackboneFacts, expectBackbone } from "../heads/backbone.ts";
import { headFiles } from "../heads/head_directory.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
import { expectLastLayer } from "../models/neighbours.ts";
import { filesOf, fingerprintOfFiles, loadInferenceModel, loadPretrained } from "../pretrained.ts";
import type { TensorToWrite } from "../weights/safetensors_writer.ts";

/** Which head, and where to. */
export interface ExportHeadOptions {
  /** A model directory, or `org/name` on the hub. */
  model: string;
  /** The directory to make. */
  output: string;
  /** The backbone, to be checked and named in the head's config. @default told by its fingerprint alone */
  backbone?: string;
}

/** What was written. */
export interface ExportHeadReport {
  /** The class names. */
  labels: readonly string[];
  /** Of the head's tensors. */
  parameters: number;
  /** Which backbone it is for. */
  backbone: BackboneFacts;
}

/**
 * Writes the head of a model, whole or not at all.
 *
 * @throws {CheckpointError} when the model cannot classify, or its base is not the backbone that was named.
 * @throws {FileError} when the output holds files already, or cannot be written.
 *
 * @example
 * ```ts
 * import { exportHead, pipeline } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const output = `${await Deno.makeTempDir()}/phrases`;
 * await exportHead({ model: "models/voice_menu", output });
 * const classifier = await pipeline("audio-classification", "models/voice_menu", { head: output });
 * equal(classifier.labels.length, 14);
 * classifier.dispose();
 * ```
 */
export async function exportHead(options: ExportHeadOptions): Promise<ExportHeadReport> {
  const { model: name, output, backbone: named } = options;
  const files = await filesOf(name);
  const model = await loadPretrained(files);
  try {
    model.expectComplete(name);
    model.expectClipHead(`export the head of "${name}"`);
    expectLastLayer(model, `export the head of "${name}"`);
    const fingerprint = await fingerprintOfFiles(files, model);
    const backbone = { fingerprint, ...named !== undefined && { name: named } };
    if (named !== undefined) await expectSameBase({ file: name, backbone }, named);
    const tensors = await headTensors(model);
    const head = headFiles({ json: model.toConfig(), backbone, tensors });
    await writeDirectoryAtomic(output, (folder) =>
      writeFiles(
        folder,
        head.map(({ name, bytes }) => ({ name, chunks: () => [bytes] })),
      ));
    const parameters = tensors.reduce((sum, { values }) => sum + values.length, 0);
    return { labels: model.labels, parameters, backbone };
  } finally {
    model.dispose();
  }
}

async function expectSameBase(
  head: Parameters<typeof expectBackbone>[0],
  named: string,
): Promise<void> {
  const files = await filesOf(named);
  const model = await loadInferenceModel(files);
  try {
    expectBackbone(head, { file: named, fingerprint: await fingerprintOfFiles(files, model) });
  } finally {
    model.dispose();
  }
}

async function headTensors(model: AudioClassificationModel): Promise<TensorToWrite[]> {
  const tensors: TensorToWrite[] = [];
  for (const { name, dtype, shape, values } of model.tensors()) {
    if (!model.isOfBase(name)) tensors.push({ name, dtype, shape, values: await values() });
  }
  return tensors;
}
