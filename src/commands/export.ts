/**
 * `export`: a trained model in the form that starts fastest, its weights in 8, 16 or 32 bits.
 *
 * The model answers one clip here, so that the device lays its weights out as its kernels want them; those bytes are
 * what is written. With `--calibrate` its scores are compared with those in 32 bits, and layers that 8 bits harm
 * keep 32.
 *
 * @module
 */
import { useDevice } from "../devices.ts";
import { FileError } from "../errors.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import { listFolderIfThere } from "../files.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
import { AutoFeatureExtractor, loadPretrained } from "../pretrained.ts";
import { PACKED_DTYPES, PACKED_VERSION, type PackedDtype } from "../weights/packed.ts";
import { calibrate, type Calibration } from "./_calibration.ts";
import { calibrationSets } from "./_calibration_sets.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import { type HeldSize, type PackedWeights, packWeights, writeExport } from "./_export_files.ts";
import { megabytes, type Output, table } from "./_output.ts";
import { type LayerTrial, MIN_COSINE, type SetComparison } from "./_precision.ts";
import { expectTrained } from "./_trained.ts";

const MAX_CLIPS = 200;

/** `export` on the command line. */
export const command: Command = defineCommand({
  usage: "export [--model DIR|ID] --output DIR --dtype q8|f16|f32 [--calibrate DIR]",
  options: {
    ...MODEL_OPTION,
    output: { kind: "string", value: "DIR", required: true, help: "where the exported model goes" },
    dtype: {
      kind: "choice",
      choices: PACKED_DTYPES,
      default: "q8",
      help: "bits of a weight: 8, 16 or 32",
    },
    calibrate: { kind: "string", value: "DIR", help: "recordings to measure q8 on" },
    clips: {
      kind: "number",
      whole: true,
      min: 1,
      default: MAX_CLIPS,
      help: "most clips of each set to measure",
    },
  },
  examples: [
    "export --output voice_menu-q8 --dtype q8 --calibrate examples/voice_menu",
    "export --model my-model --output my-model-f16 --dtype f16",
  ],
  run: async ({ options, files }, out) => {
    expectNoFiles(files);
    const request: ExportOptions = {
      model: await modelOrBundled(options.model, out),
      output: options.output,
      dtype: options.dtype,
      data: options.calibrate,
      maxClips: options.clips,
    };
    const device = await useDevice({ backend: "wasm", threads: request.data ? 0 : 1 });
    try {
      const report = await exportModel({ ...request, onNote: (note) => out.warn(note) });
      printExport(report, request, out);
      out.event({ output: request.output, ...report });
      return 0;
    } finally {
      device.dispose();
    }
  },
});

export type { LayerTrial, PackedDtype, SetComparison };

/** What to export, and how. */
export interface ExportOptions {
  /** A model directory. */
  model: string;
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
  calibration: {
    data: string;
    /** What was asked for of every set. */
    minCosine: number;
    sets: SetComparison[];
    layers: LayerTrial[];
  } | null;
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
  await expectNew(output);
  await expectTrained(directory, "export");
  const extractor = await AutoFeatureExtractor.fromPretrained(directory);
  const calibration = dtype === "q8" && data !== undefined
    ? await measured({ ...options, data }, extractor)
    : undefined;
  const model = await loadPretrained(directory);
  try {
    model.expectComplete(directory);
    const precision = calibration?.plan ?? (dtype === "q8" ? "int8" : "float32");
    const prepared = await model.prepare(precision);
    const weights = packWeights(model, prepared, dtype);
    const report = reportOf(options, { model, weights, calibration });
    await writeExport(output, { model, extractor, weights, report });
    prepared.dispose();
    return report;
  } finally {
    model.dispose();
  }
}

async function expectNew(output: string): Promise<void> {
  const { files, folders } = await listFolderIfThere(output);
  const [found] = [...files, ...folders];
  if (found === undefined) return;
  throw new FileError(
    `Cannot export to "${output}": expected a new or empty directory, found "${found}" in it`,
    { file: output, hint: "Name another directory" },
  );
}

async function measured(
  { model, data, maxClips = MAX_CLIPS, onNote = () => {} }: ExportOptions & { data: string },
  extractor: FeatureExtractor,
): Promise<Calibration> {
  const loaded = await loadPretrained(model);
  loaded.dispose();
  loaded.expectComplete(model);
  const sets = await calibrationSets(data, { labels: loaded.labels, maxClips });
  if (sets.some(({ isLabelled }) => !isLabelled)) {
    onNote(`"${data}" has other labels than the model, or none: accuracy is not measured`);
  }
  return await calibrate({
    model,
    extractor,
    sets,
    onTrial: (text) => onNote(`Measuring: ${text}`),
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
    calibration: calibration
      ? {
        data: data!,
        minCosine: MIN_COSINE,
        sets: calibration.sets,
        layers: calibration.layers,
      }
      : null,
  };
}

function sum(tensors: readonly HeldSize[], field: "parameters" | "bytes"): number {
  return tensors.reduce((total, tensor) => total + tensor[field], 0);
}

/** Prints what was exported and measured, for people. */
export function printExport(
  report: ExportReport,
  { output, data }: ExportOptions,
  out: Output,
): void {
  const { bytes, calibration, dtype } = report;
  if (calibration) printCalibration(calibration, out);
  const share = (part: number) => `${(100 * part / bytes.float32).toFixed(1)} % of f32`;
  out.line(out.strong(`Exported to ${output} in ${dtype}`));
  out.line(`  file    ${megabytes(bytes.file)}, ${share(bytes.file)}`);
  out.line(`  memory  ${megabytes(bytes.resident)}, ${share(bytes.resident)}`);
  printNarrow(report, out);
  if (calibration) return;
  const why = data === undefined ? "no --calibrate was given" : `${dtype} needs no calibration`;
  out.line(`Nothing was measured: ${why}`);
}

function printNarrow({ narrow, wide }: ExportReport, out: Output): void {
  if (!narrow) return;
  const { parameters, bytes } = narrow;
  const share = (100 * bytes / (4 * parameters)).toFixed(1);
  out.line(`  8 bits  ${counted(parameters)} numbers in ${share} % of f32`);
  for (const { name, parameters } of wide) out.line(`  32 bits ${name}, ${counted(parameters)}`);
}

function printCalibration(
  { sets, layers }: NonNullable<ExportReport["calibration"]>,
  out: Output,
): void {
  out.line(table(
    ["layer", "parameters", "cosine alone", "stored in"],
    layers.map(({ layer, parameters, cosine, precision }) => {
      return [layer, parameters, cosine.toFixed(6), precision === "int8" ? "8 bits" : "32 bits"];
    }),
  ));
  out.line();
  out.line(table(
    ["set", "clips", "cosine", "lowest clip", "accuracy f32", "accuracy q8"],
    sets.map(({ set, clips, cosine, lowestCosine, accuracy }) => {
      const percent = (share?: number) =>
        share === undefined ? "–" : `${(100 * share).toFixed(2)} %`;
      const scores = [cosine.toFixed(6), lowestCosine.toFixed(6)];
      return [set, clips, ...scores, percent(accuracy?.f32), percent(accuracy?.q8)];
    }),
  ));
  out.line();
}

function counted(numbers: number): string {
  return numbers.toLocaleString("en-US");
}
