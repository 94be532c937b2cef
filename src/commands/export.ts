/**
 * `export`: a trained model in the form that starts fastest, and what that was measured to cost.
 *
 * @module
 */
import { useDevice } from "../devices.ts";
import {
  type CalibrationReport,
  exportC,
  exportHead,
  exportModel,
  exportOnnx,
  type ExportOptions,
  type ExportReport,
  MAX_CLIPS,
} from "../export/mod.ts";
import { PACKED_DTYPES } from "../weights/packed.ts";
import { UsageError } from "./_arguments.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import { ADAPTER_OPTION, MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import { megabytes, type Output, table } from "./_output.ts";

/** What a model can be exported for. */
const FORMATS = ["earshot", "onnx", "c"] as const;

/** `export` on the command line. */
export const command: Command = defineCommand({
  usage:
    "export [--model DIR|ID] --output DIR [--format earshot|onnx|c] [--dtype q8|f16|f32] [--calibrate DIR] [--head-only]",
  options: {
    ...MODEL_OPTION,
    ...ADAPTER_OPTION,
    output: { kind: "string", value: "DIR", required: true, help: "where the exported model goes" },
    format: {
      kind: "choice",
      choices: FORMATS,
      default: "earshot",
      help:
        "what it is for: this package, the runtimes of ONNX and transformers.js, or compilers of C",
    },
    dtype: {
      kind: "choice",
      choices: PACKED_DTYPES,
      help: "bits of a weight: 8, 16 or 32; 8 unless said, for ONNX and C 32",
    },
    calibrate: { kind: "string", value: "DIR", help: "recordings to measure q8 on" },
    clips: {
      kind: "number",
      whole: true,
      min: 1,
      default: MAX_CLIPS,
      help: "most clips of each set to measure",
    },
    "head-only": {
      kind: "flag",
      help: "the head alone, for use on the backbone it was trained on",
    },
    backbone: {
      kind: "string",
      value: "DIR|ID",
      help: "with --head-only: the backbone, to be checked and named in the head's config",
    },
  },
  examples: [
    "export --output voice_menu-q8 --dtype q8 --calibrate examples/voice_menu",
    "export --model my-model --output my-model-f16 --dtype f16",
    "export --model my-model --output my-model-onnx --format onnx",
    "export --model my-wake-word --output my-wake-word-c --format c",
    "export --model my-model --output my-head --head-only --backbone path/to/backbone",
  ],
  run: async ({ options, files }, out) => {
    expectNoFiles(files);
    if (options["head-only"]) expectNoAdapter(options.adapter);
    if (options["head-only"]) return await exportHeadAlone(options, out);
    if (options.backbone !== undefined) {
      throw new UsageError('Cannot use argument "--backbone": expected "--head-only" with it');
    }
    const { format, dtype = format === "earshot" ? "q8" : "f32" } = options;
    const request: ExportOptions = {
      model: await modelOrBundled(options.model, out),
      adapter: options.adapter,
      output: options.output,
      dtype,
      data: options.calibrate,
      maxClips: options.clips,
    };
    if (format === "onnx") return await exportGraph(request, out);
    if (format === "c") return await exportProgram(request, out);
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

/** @throws {UsageError} where a base is changed, so that the head is of none that others have. */
function expectNoAdapter(adapter: string | undefined): void {
  if (adapter === undefined) return;
  throw new UsageError(
    'Cannot use argument "--adapter" with "--head-only": the head goes with the changed layers',
  );
}

/** Writes an ONNX graph, and says what to do with it; gives the exit code. */
async function exportGraph({ dtype, ...request }: ExportOptions, out: Output): Promise<number> {
  if (dtype === "f16") {
    throw new UsageError('Cannot use argument "--dtype f16": expected q8 or f32 for ONNX');
  }
  const device = await useDevice({ backend: "wasm", threads: request.data ? 0 : 1 });
  try {
    const onNote = (note: string) => out.warn(note);
    const report = await exportOnnx({ ...request, dtype, onNote });
    if (report.calibration) printCalibration(report.calibration, out);
    out.line(out.strong(`Exported to ${request.output} as ONNX in ${dtype}`));
    out.line(`  graph   ${report.file}, ${megabytes(report.bytes)}`);
    out.line(`  input   ${report.input}, as preprocessor_config.json says`);
    const [logits, vectors] = report.outputs;
    const meaning = vectors ? `and ${vectors}, the x-vectors` : "by the labels of config.json";
    out.line(`  output  ${logits}, ${meaning}`);
    out.event({ output: request.output, dtype, ...report });
    return 0;
  } finally {
    device.dispose();
  }
}

/** Writes a program of C, and says what it takes; gives the exit code. */
async function exportProgram(
  { dtype, data, model, adapter, output }: ExportOptions,
  out: Output,
): Promise<number> {
  if (dtype !== "f32") {
    throw new UsageError(`Cannot use argument "--dtype ${dtype}": expected f32 for C`);
  }
  if (data !== undefined) {
    throw new UsageError(
      'Cannot use argument "--calibrate": expected none for C, which has 32 bits',
    );
  }
  const device = await useDevice({ backend: "wasm", threads: 1 });
  try {
    const report = await exportC({ model, adapter, output });
    out.line(out.strong(`Exported to ${output} as C`));
    out.line(`  files      ${report.files.join(", ")}`);
    out.line(`  memory     ${counted(report.memoryBytes)} bytes, none of it allocated`);
    out.line(`  constants  ${counted(report.constantBytes)} bytes`);
    out.event({ output, ...report });
    return 0;
  } finally {
    device.dispose();
  }
}

/** Writes the head's directory, and says what to do with it; gives the exit code. */
async function exportHeadAlone(
  { model: named, output, backbone }: { model?: string; output: string; backbone?: string },
  out: Output,
): Promise<number> {
  const model = await modelOrBundled(named, out);
  const device = await useDevice({ backend: "wasm", threads: 1 });
  try {
    const report = await exportHead({ model, output, backbone });
    out.line(out.strong(`Exported the head to ${output}`));
    out.line(`  classes     ${report.labels.length}`);
    out.line(`  parameters  ${counted(report.parameters)}`);
    out.line(`  backbone    ${report.backbone.fingerprint}`);
    out.line(`Try it: predict --model ${backbone ?? "BACKBONE"} --head ${output} clip.wav`);
    out.event({ output, ...report });
    return 0;
  } finally {
    device.dispose();
  }
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
  { sets, layers }: CalibrationReport,
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
