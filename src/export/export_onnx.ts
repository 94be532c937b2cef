/**
 * A model as a directory that ONNX's runtimes and transformers.js read.
 *
 * @module
 */
import denoJson from "../../deno.json" with { type: "json" };
import { makeDirectory, writeDirectoryAtomic, writeFiles } from "../files.ts";
import type { FeatureExtractor } from "../features/mod.ts";
import type { JsonObject } from "../models/mod.ts";
import { onnxFile, type OnnxOptions } from "../graphs/mod.ts";
import { jsonBytes } from "../pretrained.ts";
import { calibrated, type CalibrationReport, calibrationReport } from "./_calibrated.ts";
import { openExported, withExportedModel } from "./_exported.ts";

/** Bits of the products. */
export type OnnxDtype = "f32" | "q8";

/** Which model, and where to. */
export interface ExportOnnxOptions {
  /** A model directory, or `org/name` on the hub. */
  model: string;
  /** Changes of low rank that the graph holds merged, as for `pipeline`. @default none */
  adapter?: string;
  /** The directory to make. */
  output: string;
  /** Bits of the products with weights; convolutions are of 32 in any case. @default "f32" */
  dtype?: OnnxDtype;
  /**
   * Recordings to measure 8 bits on, with the kernels of this package; layers that 8 bits harm keep 32. Without them
   * nothing is measured.
   */
  data?: string;
  /** Most clips of each set. @default 200 */
  maxClips?: number;
  /** Gets a line for each layer that is measured, and what is worth knowing. @default none */
  onNote?: (note: string) => void;
}

/** What was written. */
export interface ExportOnnxReport {
  /** The graph's file in the directory. */
  file: string;
  /** Its bytes. */
  bytes: number;
  /** The name of the graph's input. */
  input: string;
  /** The names of its outputs: `"logits"`, and of a model for x-vectors `"embeddings"`, which are these. */
  outputs: string[];
  /** `null` where nothing was measured. */
  calibration: CalibrationReport | null;
}

/** The names that transformers.js gives them. */
const FILES: Record<OnnxDtype, string> = { f32: "model.onnx", q8: "model_quantized.onnx" };
const FOLDER = "onnx";
/** Smaller matrices lose more by 8 bits than they save. */
const LEAST_NARROW = 4096;

/**
 * Writes a model as an ONNX graph with `config.json` and `preprocessor_config.json` beside it, whole or not at all.
 *
 * The graph takes clips as the feature extractor gives them, `[batch, samples]` or a spectrogram, and gives `logits`
 * `[batch, classes]`; `[batch, frames, classes]` of a model that scores frames, and `embeddings` besides of one for
 * x-vectors. Batch and samples are free; a batch holds clips of one length, without padding.
 *
 * @throws {CheckpointError} when the model cannot classify, or is an export of 8 bits itself.
 * @throws {UnsupportedOpError} when it answers by its neighbours, or would take more than 2 GB.
 * @throws {FileError} when the output holds files already, or cannot be written.
 *
 * @example
 * ```ts
 * import { exportOnnx } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const output = `${await Deno.makeTempDir()}/onnx`;
 * const { file } = await exportOnnx({ model: "models/voice_menu", output });
 * equal(file, "onnx/model.onnx");
 * ```
 */
export async function exportOnnx(options: ExportOnnxOptions): Promise<ExportOnnxReport> {
  const { model: name, output, dtype = "f32", data } = options;
  const { files, extractor } = await openExported(options);
  const calibration = dtype === "q8" && data !== undefined
    ? await calibrated({ ...options, data }, { files, extractor })
    : undefined;
  return await withExportedModel(files, name, async (model) => {
    const isNarrow = (weight: string) =>
      model.parameters.get(weight)!.size >= LEAST_NARROW &&
      (calibration?.plan(weight) ?? "int8") === "int8";
    const graph = await onnxFile(model, {
      inputName: extractor.inputName,
      spectrogram: spectrogramOf(extractor, model.toConfig()),
      ...dtype === "q8" && { isNarrow },
      producer: { name: "earshot", version: denoJson.version },
      metadata: { model_type: model.modelType, sampling_rate: String(extractor.samplingRate) },
    });
    const file = FILES[dtype];
    await writeDirectoryAtomic(output, async (folder) => {
      await makeDirectory(`${folder}/${FOLDER}`);
      await writeFiles(`${folder}/${FOLDER}`, [{ name: file, chunks: () => graph.chunks() }]);
      await writeFiles(folder, [
        {
          name: "preprocessor_config.json",
          chunks: () => [jsonBytes(extractor.toConfig())],
        },
        { name: "config.json", chunks: () => [jsonBytes(model.toConfig())] },
      ]);
    });
    return {
      file: `${FOLDER}/${file}`,
      bytes: graph.byteLength,
      input: extractor.inputName,
      outputs: model.headKind === "xvector" ? ["logits", "embeddings"] : ["logits"],
      calibration: calibrationReport(data, calibration),
    };
  });
}

/** How what the extractor makes of clips lies; absent where that is samples. */
function spectrogramOf(
  extractor: FeatureExtractor,
  { target_length: maxFrames }: JsonObject,
): OnnxOptions["spectrogram"] {
  const { shape } = extractor.extract([new Float32Array(extractor.minSamples)]);
  const [, frames, bands] = shape;
  if (bands === undefined) return undefined;
  return {
    frames: extractor.fixedSamples === undefined ? undefined : frames,
    // Longer clips are cut into pieces, which a graph of any length cannot count.
    ...typeof maxFrames === "number" && { maxFrames },
    bands,
    bandsFirst: extractor.type === "WhisperFeatureExtractor",
  };
}
