/**
 * Golden cases as the reference kit writes them: a model directory with inputs, expected numbers and `meta.json`.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { directoryFiles, fileSource } from "../files.ts";
import type { AudioClassificationModel } from "../models/model.ts";
import { loadModel } from "../pretrained.ts";
import type { Batch } from "../train/batches/batches.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { openSafetensors, type SafetensorsFile } from "../weights/safetensors.ts";

/** The parts of `meta.json` that comparing needs. */
interface CaseMeta {
  /** Samples of each clip before padding. */
  lengths: number[];
  frozen_by?: string | null;
  grad_none?: string[];
  grad_zero_by_theory?: string[];
  optimizer: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    max_grad_norm: number;
    steps: number;
  };
  float32_minus_float64?: Record<string, number>;
}

/** A case that is open. */
export interface GoldenCase {
  directory: string;
  meta: CaseMeta;
  batch: Batch;
  expected: SafetensorsFile;
  model: AudioClassificationModel;
}

/**
 * Opens a case, lets the model be compared, and closes it.
 *
 * @throws {CheckpointError} when a file of the case is missing or broken.
 */
export async function withGoldenCase<Result>(
  directory: string,
  compare: (golden: GoldenCase) => Promise<Result>,
): Promise<Result> {
  const files = directoryFiles(directory);
  const meta = caseMeta(await readJsonFile(files, "meta.json"), `${directory}/meta.json`);
  using source = await fileSource(`${directory}/expected.safetensors`);
  const expected = await openSafetensors(source);
  const batch = await readBatch(directory);
  const model = await loadModel(files);
  try {
    if (meta.frozen_by?.startsWith("freeze_feature_encoder")) model.freezeFeatureEncoder();
    if (meta.frozen_by?.startsWith("freeze_base_model")) model.freezeBaseModel();
    return await compare({ directory, meta, batch, expected, model });
  } finally {
    model.dispose();
  }
}

/**
 * The parts of a `meta.json` that comparing needs, each checked.
 *
 * @throws {CheckpointError} naming the field that is missing or of another kind.
 */
function caseMeta(json: Json, file: string): CaseMeta {
  const wrong = (key: string, expected: string): never => {
    throw new CheckpointError(`Cannot read "${file}": expected ${expected} in "${key}"`, {
      file,
      key,
    });
  };
  const { lengths, frozen_by, grad_none, grad_zero_by_theory, float32_minus_float64 } = json;
  const optimizer = isObject(json.optimizer) ? json.optimizer : wrong("optimizer", "an object");
  const number = (key: string): number => {
    const value = optimizer[key];
    return typeof value === "number" ? value : wrong(`optimizer.${key}`, "a number");
  };
  const [beta1, beta2] = listOf(optimizer.betas, isNumber) ?? [];
  return {
    lengths: listOf(lengths, isNumber) ?? wrong("lengths", "numbers"),
    frozen_by: typeof frozen_by === "string" ? frozen_by : undefined,
    grad_none: listOf(grad_none, isText),
    grad_zero_by_theory: listOf(grad_zero_by_theory, isText),
    optimizer: {
      lr: number("lr"),
      betas: [
        beta1 ?? wrong("optimizer.betas", "numbers"),
        beta2 ?? wrong("optimizer.betas", "two"),
      ],
      eps: number("eps"),
      weight_decay: number("weight_decay"),
      max_grad_norm: number("max_grad_norm"),
      steps: number("steps"),
    },
    float32_minus_float64: isNumbers(float32_minus_float64) ? float32_minus_float64 : undefined,
  };
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumbers(value: unknown): value is Record<string, number> {
  return isObject(value) && Object.values(value).every(isNumber);
}

function listOf<T>(value: unknown, isItem: (item: unknown) => item is T): T[] | undefined {
  return Array.isArray(value) && value.every(isItem) ? value : undefined;
}

async function readBatch(directory: string): Promise<Batch> {
  const file = `${directory}/inputs.safetensors`;
  using source = await fileSource(file);
  const stored = await openSafetensors(source);
  const { model_type } = await readJsonFile(directoryFiles(directory), "config.json");
  const { inputs, shape } = await readInputs(stored, file, model_type === "whisper");
  const mask = stored.shape("attention_mask") && await stored.read("attention_mask");
  return {
    inputs,
    shape,
    labels: await readLabels(stored),
    lengths: mask && rowSums(mask, shape[0]!),
  };
}

/** Class numbers as the kit stores them, in int32; numbers of several labels or of a regression in float32. */
async function readLabels(stored: SafetensorsFile): Promise<Int32Array | Float32Array> {
  const labels = await stored.read("labels");
  return stored.dtype("labels") === "I32" ? Int32Array.from(labels) : labels;
}

/** `input_values` as they are, or `input_features` with the bands last. */
async function readInputs(
  stored: SafetensorsFile,
  file: string,
  bandsFirst: boolean,
): Promise<{ inputs: Float32Array; shape: number[] }> {
  const values = stored.shape("input_values");
  if (values) return { inputs: await stored.read("input_values"), shape: [...values] };
  const features = stored.shape("input_features");
  if (!features) {
    throw new CheckpointError(`Cannot read "${file}": expected tensor "input_values", found none`, {
      file,
      key: "input_values",
    });
  }
  const read = await stored.read("input_features");
  if (!bandsFirst) return { inputs: read, shape: [...features] };
  const [batch, bands, frames] = features as [number, number, number];
  const inputs = channelsLast(read, batch, bands, frames);
  return { inputs, shape: [batch, frames, bands] };
}

/** **Shape** `[B, C, T]` -> `[B, T, C]` */
export function channelsLast(
  values: Float32Array,
  batch: number,
  channels: number,
  frames: number,
): Float32Array {
  const size = channels * frames;
  const turned = new Float32Array(batch * size);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < frames; t++) {
        turned[b * size + t * channels + c] = values[b * size + c * frames + t]!;
      }
    }
  }
  return turned;
}

function rowSums(values: Float32Array, rows: number): Int32Array {
  const width = values.length / rows;
  return Int32Array.from({ length: rows }, (_, row) => {
    return values.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b, 0);
  });
}
