/**
 * A trained model in the form that starts fastest, its weights in 8, 16 or 32 bits.
 *
 * The device lays the model's weights out as its kernels want them; those bytes are what is written. With recordings
 * to measure on, the scores in 8 bits are compared with those in 32, and layers that 8 bits harm keep 32.
 *
 * @module
 */
import type { AudioClassificationModel } from "../models/mod.ts";
import { withBackbone } from "../heads/backbone.ts";
import { fingerprintOfFiles } from "../pretrained.ts";
import { PACKED_VERSION, type PackedDtype } from "../weights/packed.ts";
import { calibrated, type CalibrationReport, calibrationReport } from "./_calibrated.ts";
import type { Calibration } from "./_calibration.ts";
import { openExported, withExportedModel } from "./_exported.ts";
import { type HeldSize, type PackedWeights, packWeights, writeExport } from "./_export_files.ts";

/** What to export, and how. */
export interface ExportOptions {
  /** A model directory. */
  model: string;
  /** Low-rank changes that are merged into it first. @default none */
  adapter?: string;
  /** The directory to make. */
  output: string;
  /** Bits of a weight. */
  dtype: PackedDtype;
  /** Recordings to measure 8 bits on; without them nothing is measured. */
  data?: string;
  /** Most clips of each set. @default 200 */
  maxClips?: number;
  /** Gets a line for each layer that is measured, and what is worth knowing. @default none */
  onNote?: (note: string) => void;
}

/** What is written to `export.json`, and printed with `--json`. */
export interface ExportReport {
  /** Of the exported form. */
  version: number;
  /** Bits of a weight. */
  dtype: PackedDtype;
  /** Of the weights: the file, what they take in memory, and both in 32 bits. */
  bytes: { file: number; resident: number; float32: number };
  /** Tensors by the form that they lie in. */
  forms: Record<string, number>;
  /** What is in 8 bits, its scales included; `null` where that was not asked for. */
  narrow: { parameters: number; bytes: number } | null;
  /** What kept 32 bits in q8: too small to gain, of a kind without such kernels, or harmed by 8. */
  wide: { name: string; parameters: number }[];
  /** `null` where nothing was measured. */
  calibration: CalibrationReport | null;
}

/**
 * Exports a model, on the device in use: WASM, whose kernels' forms are what is written.
 *
 * @throws {CheckpointError} when the model cannot classify, or is an export of 8 bits itself.
 * @throws {FileError} when the output holds files already, or cannot be written.
 *
 * @example
 * ```ts
 * import { exportModel, pipeline, useDevice } from "@earshot/earshot";
 * import { ok } from "node:assert/strict";
 *
 * await useDevice({ backend: "wasm" });
 * const output = `${await Deno.makeTempDir()}/q8`;
 * const { bytes } = await exportModel({ model: "models/voice_menu", output, dtype: "q8" });
 * ok(bytes.file < 0.3 * bytes.float32);
 * (await pipeline("audio-classification", output)).dispose();
 * ```
 */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  const { model: directory, output, dtype, data } = options;
  const { files, extractor } = await openExported(options);
  const calibration = dtype === "q8" && data !== undefined
    ? await calibrated({ ...options, data }, { files, extractor })
    : undefined;
  return await withExportedModel(files, directory, async (model) => {
    const fingerprint = await fingerprintOfFiles(files, model);
    const precision = calibration?.plan ?? (dtype === "q8" ? "int8" : "float32");
    const prepared = await model.prepare(precision);
    const weights = packWeights(model, prepared, dtype);
    const report = reportOf(options, { model, weights, calibration });
    const config = withBackbone(model.toConfig(), { fingerprint });
    await writeExport(output, { config, extractor, weights, report });
    prepared.dispose();
    return report;
  });
}

function reportOf(
  { dtype, data }: ExportOptions,
  { model, weights, calibration }: {
    model: AudioClassificationModel;
    weights: PackedWeights;
    calibration?: Calibration;
  },
): ExportReport {
  const { tensors } = weights;
  const forms: Record<string, number> = {};
  for (const { form } of tensors) forms[form] = (forms[form] ?? 0) + 1;
  const narrow = tensors.filter(({ form }) => form === "int8-panels");
  const wide = tensors.filter(({ form, isMatrix }) => isMatrix && form !== "int8-panels");
  return {
    version: PACKED_VERSION,
    dtype,
    bytes: {
      file: weights.fileBytes,
      resident: weights.residentBytes,
      float32: 4 * model.parameterCount,
    },
    forms,
    narrow: dtype === "q8"
      ? { parameters: sum(narrow, "parameters"), bytes: sum(narrow, "bytes") }
      : null,
    wide: dtype === "q8" ? wide.map(({ name, parameters }) => ({ name, parameters })) : [],
    calibration: calibrationReport(data, calibration),
  };
}

function sum(tensors: readonly HeldSize[], field: "parameters" | "bytes"): number {
  return tensors.reduce((total, tensor) => total + tensor[field], 0);
}
