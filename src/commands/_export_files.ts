/**
 * The files of an exported model: config, extractor, weights as the device holds them, and the report.
 *
 * @module
 */
import { type Tensor, util } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../errors.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { type FileToWrite, writeDirectoryAtomic, writeFiles } from "../files.ts";
import { type HeldWeight, heldWeight } from "../kernels.ts";
import { storedTensor } from "../layers/parameters.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
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
 * Lays out a model's weights in the forms that its first answer left them in; each is read from the device when its
 * turn to be written comes.
 *
 * @throws {CheckpointError} where a number is too large for float16, and that is asked for.
 */
export function packWeights(model: AudioClassificationModel, dtype: PackedDtype): PackedWeights {
  const tensors: Stored[] = [];
  const sizes: HeldSize[] = [];
  let residentBytes = 0;
  for (const [name, parameter] of model.parameters) {
    if (parameter.dtype === "int32") {
      tensors.push(storedTensor(name, parameter));
      residentBytes += 4 * parameter.size;
      continue;
    }
    const held = heldWeight(parameter);
    const bytes = held.parts.reduce((sum, { values }) => sum + values.byteLength, 0);
    residentBytes += bytes;
    const isMatrix = parameter.rank > 1 && parameter.shape[0]! > 1;
    sizes.push({ name, form: held.form, isMatrix, parameters: parameter.size, bytes });
    if (dtype === "f16") expectHalf(name, held);
    tensors.push(stored({ name, parameter }, held, dtype));
  }
  const { chunks, sizeBytes } = streamPacked(tensors, dtype);
  return { chunks, fileBytes: sizeBytes, residentBytes, tensors: sizes };
}

function stored(
  { name, parameter }: { name: string; parameter: Tensor },
  { form, shape, parts: found }: HeldWeight,
  dtype: PackedDtype,
): Stored {
  const parts = found.map((part, i) => ({
    ...part,
    dtype: dtype === "f16" && part.dtype === "F32" ? "F16" as const : part.dtype,
    values: () => heldWeight(parameter).parts[i]!.values,
  }));
  if (form === "rows") return { ...parts[0]!, name };
  const heldAs = util.arraysEqual(shape, parameter.shape) ? undefined : shape;
  return { name, form, shape: parameter.shape, heldAs, parts };
}

function expectHalf(name: string, { parts }: HeldWeight): void {
  for (const { values } of parts) {
    const large = values.find((value) => Math.abs(value) > MAX_HALF);
    if (large === undefined) continue;
    throw new CheckpointError(
      `Cannot store tensor "${name}" in 16 bits: expected numbers up to ${MAX_HALF}, found ${large}`,
      { key: name, hint: "Export it with --dtype f32" },
    );
  }
}

/** Writes the directory, whole or not at all, the file that makes it a model last. */
export async function writeExport(
  directory: string,
  { model, extractor, weights, report }: {
    model: AudioClassificationModel;
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
      json("config.json", model.toConfig()),
    ]));
}
