/**
 * The files of an exported model: config, extractor, weights as the device holds them, and the report.
 *
 * @module
 */
import { util } from "@tensorflow/tfjs-core";
import { CheckpointError, FileError } from "../errors.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { type FileToWrite, listFolderIfThere, writeDirectoryAtomic, writeFiles } from "../files.ts";
import { type HeldWeight, heldWeight, isPacked, type Weight } from "../kernels.ts";
import { storedTensor } from "../layers/parameters.ts";
import type { AudioClassificationModel, InferenceModel, JsonObject } from "../models/mod.ts";
import { jsonBytes } from "../pretrained.ts";
import {
  PACKED_FILE,
  type PackedDtype,
  type PackedTensor,
  streamPacked,
} from "../weights/packed.ts";
import type { TensorToStream } from "../weights/safetensors_writer.ts";

/** What the report beside the model is called. */
const REPORT_FILE = "export.json";

/** Beyond it a float16 is infinite. */
const MAX_HALF = 65504;

type Stored = PackedTensor | TensorToStream;

/** Weights that are ready to be written. */
export interface PackedWeights {
  /** The file's bytes, in chunks. */
  chunks: () => AsyncIterable<Uint8Array>;
  fileBytes: number;
  /** What the weights take in the memory of the device: 16-bit numbers are widened there. */
  residentBytes: number;
  /** Every tensor of real numbers, in the order of the model. */
  tensors: readonly HeldSize[];
}

/** How a tensor lies in memory. */
export interface HeldSize {
  name: string;
  form: HeldWeight["form"];
  /** Whether it is the matrix of a product, or as large: no bias, no gain. */
  isMatrix: boolean;
  parameters: number;
  bytes: number;
}

/**
 * Lays out the weights of a prepared model for a file; each is read from the device when its turn to be written comes.
 *
 * @param prepared what `prepare` made of the model, whose shapes the file keeps.
 * @throws {CheckpointError} where a number is too large for float16, and that is asked for.
 */
export function packWeights(
  { parameters }: Pick<AudioClassificationModel, "parameters">,
  prepared: InferenceModel,
  dtype: PackedDtype,
): PackedWeights {
  const tensors: Stored[] = [];
  const sizes: HeldSize[] = [];
  let residentBytes = 0;
  for (const [name, weight] of prepared.weights) {
    if (!isPacked(weight) && weight.dtype === "int32") {
      tensors.push(storedTensor(name, weight));
      residentBytes += 4 * weight.size;
      continue;
    }
    const parameter = parameters.get(name)!;
    const held = heldWeight(weight);
    const bytes = held.parts.reduce((sum, { values }) => sum + values.byteLength, 0);
    residentBytes += bytes;
    const isMatrix = parameter.rank > 1 && parameter.shape[0]! > 1;
    sizes.push({ name, form: held.form, isMatrix, parameters: parameter.size, bytes });
    if (dtype === "f16") expectHalf(name, held);
    tensors.push(stored({ name, shape: parameter.shape, weight }, held, dtype));
  }
  const { chunks, sizeBytes } = streamPacked(tensors, dtype);
  return { chunks, fileBytes: sizeBytes, residentBytes, tensors: sizes };
}

function stored(
  { name, shape, weight }: { name: string; shape: number[]; weight: Weight },
  { form, shape: heldShape, parts: found }: HeldWeight,
  dtype: PackedDtype,
): Stored {
  const parts = found.map((part, i) => ({
    ...part,
    dtype: dtype === "f16" && part.dtype === "F32" ? "F16" as const : part.dtype,
    values: () => heldWeight(weight).parts[i]!.values,
  }));
  if (form === "rows") return { ...parts[0]!, shape, name };
  const heldAs = util.arraysEqual(heldShape, shape) ? undefined : heldShape;
  return { name, form, shape, heldAs, parts };
}

function expectHalf(name: string, { parts }: HeldWeight): void {
  for (const { values } of parts) {
    const large = values.find((value) => Math.abs(value) > MAX_HALF);
    if (large === undefined) continue;
    throw new CheckpointError(
      `Cannot store tensor "${name}" in 16 bits: expected numbers up to ${MAX_HALF}, found ${large}`,
      { key: name, hint: 'Export it with `dtype` "f32"' },
    );
  }
}

/** Writes the directory, whole or not at all, the file that makes it a model last. */
export async function writeExport(
  directory: string,
  { config, extractor, weights, report }: {
    config: JsonObject;
    extractor: FeatureExtractor;
    weights: PackedWeights;
    report: object;
  },
): Promise<void> {
  const json = (name: string, content: unknown): FileToWrite => {
    return { name, chunks: () => [jsonBytes(content)] };
  };
  await writeDirectoryAtomic(directory, (folder) =>
    writeFiles(folder, [
      { name: PACKED_FILE, chunks: weights.chunks },
      json(REPORT_FILE, report),
      json("preprocessor_config.json", extractor.toConfig()),
      json("config.json", config),
    ]));
}

/** @throws {FileError} where an output holds something already. */
export async function expectNew(output: string): Promise<void> {
  const { files, folders } = await listFolderIfThere(output);
  const [found] = [...files, ...folders];
  if (found === undefined) return;
  throw new FileError(
    `Cannot export to "${output}": expected a new or empty directory, found "${found}" in it`,
    { file: output, hint: "Name another directory" },
  );
}
