/**
 * The pipeline of transformers: from the name of a model to a function that classifies clips.
 *
 * What touches the disk is imported when it is needed; a bundle for the edge takes `classifier.ts`
 * alone.
 *
 * @module
 */
import {
  type AudioClassifier,
  type ClassifierOptions,
  createClassifier,
  createComplete,
  expectOptions,
  loadClassifier,
  type LoadedClassifier,
} from "./classifier.ts";
import { createHeadedClassifier, type HeadedClassifier } from "./heads.ts";
import type { ReadableBytes } from "../audio/mod.ts";
import { useDevice } from "../devices.ts";
import type { ModelFilesOptions } from "../pretrained.ts";
import type { FileReader } from "../weights/byte_source.ts";
import { openCheckpoint } from "../weights/checkpoint.ts";

export type {
  AudioBufferLike,
  AudioInput,
  AudioSamples,
  BareSamples,
  ChannelSamples,
  ClipSamples,
  OpenFile,
} from "./_audio_input.ts";
export type { DetectOptions } from "./_detect.ts";
export type {
  ClassifierHeads,
  FittedHead,
  HeadedClassifier,
  HeadedClassifyOptions,
  HeadFacts,
} from "./heads.ts";
export type { HeadExamples } from "../heads/taught_head.ts";
export type { SoundSource } from "./_sound_source.ts";
export type { Classification, ScoreFunction } from "./_scores.ts";
export {
  type AudioClassifier,
  type ClassifierOptions,
  type ClassifyOptions,
  createClassifier,
  type EmbedClipOptions,
  type EmbeddedClip,
  type LoadedClassifier,
} from "./classifier.ts";

/** How a pipeline is made. */
export interface PipelineOptions
  extends
    Pick<ClassifierOptions, "maxSeconds" | "longClips" | "rawScores" | "onWarning">,
    ModelFilesOptions {
  /** The device to run on. @default the one in use, else "wasm" */
  device?: "wasm" | "webgpu";
  /**
   * Directories of heads by the names that they are to have: the model is then their backbone, a call takes the option
   * `head`, and `classifier.heads` answers with all of them. @default the model's own head alone
   */
  heads?: Readonly<Record<string, string>>;
}

const TASK = "audio-classification";

/** Names of the options, each once; the compiler misses none. */
const PIPELINE_OPTIONS = Object.keys(
  {
    device: 0,
    maxSeconds: 0,
    longClips: 0,
    rawScores: 0,
    onWarning: 0,
    head: 0,
    heads: 0,
    adapter: 0,
    revision: 0,
    token: 0,
    endpoint: 0,
    cacheDirectory: 0,
    offline: 0,
    verify: 0,
    onDamaged: 0,
    fetch: 0,
    onProgress: 0,
    signal: 0,
    timeoutSec: 0,
  } satisfies Record<keyof PipelineOptions, 0>,
);

/**
 * Makes a classifier from a model directory, a model of the hub, its files, or a model in memory.
 *
 * Without a model it takes the one that comes with the package: 14 spoken phrases of bank callers, learnt from
 * synthetic speech, for trying things out.
 *
 * @param task always "audio-classification".
 * @param model a directory; or, where there is none, `org/name` or `org/name@revision` on the hub; or its files;
 * or a model with its extractor, as training leaves them.
 * @param options the device, the longest clip to accept, and how the hub is reached.
 * @throws {TypeError} naming an option that there is not.
 * @throws {CheckpointError} when a file is missing or wrong, or the model has no trained classifier.
 * @throws {HubError} when the hub does not give the model.
 *
 * @example
 * ```ts
 * import { pipeline } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const classifier = await pipeline("audio-classification");
 * const second = { samples: new Float32Array(8_000), samplingRate: 8_000 };
 * const answer = await classifier(second, { topK: 3 });
 * equal(answer.length, 3);
 * classifier.dispose();
 * ```
 */
export async function pipeline(
  task: "audio-classification",
  model: string | FileReader | undefined,
  options: PipelineOptions & Required<Pick<PipelineOptions, "heads">>,
): Promise<HeadedClassifier>;
/** The same with the model's own head. */
export async function pipeline(
  task: "audio-classification",
  model?: string | FileReader | LoadedClassifier,
  options?: PipelineOptions,
): Promise<AudioClassifier>;
export async function pipeline(
  task: "audio-classification",
  model?: string | FileReader | LoadedClassifier,
  options: PipelineOptions = {},
): Promise<AudioClassifier> {
  if (task !== TASK) {
    throw new RangeError(`Cannot make a pipeline: expected task "${TASK}", found "${task}"`);
  }
  if (!["string", "object", "undefined"].includes(typeof model) || model === null) {
    throw new TypeError(`Cannot make a pipeline: expected a model directory, found ${model}`);
  }
  expectOptions("make a pipeline", options, PIPELINE_OPTIONS);
  const { device, maxSeconds, longClips, rawScores, onWarning } = options;
  const openFile = openLocalFile;
  const classifierOptions = { maxSeconds, longClips, rawScores, onWarning, openFile };
  if (typeof model === "object" && "extractor" in model) {
    expectNoHead(options);
    return createClassifier(model.model, model.extractor, classifierOptions);
  }
  await useDevice(device && { backend: device });
  if (options.heads !== undefined) {
    return await loadHeaded(model ?? await defaultModel(), options, classifierOptions);
  }
  if (typeof model === "string" || options.head !== undefined || options.adapter !== undefined) {
    return await loadNamed(model ?? await defaultModel(), options, classifierOptions);
  }
  return await loadClassifier(model ?? await defaultModel(), openCheckpoint, classifierOptions);
}

function expectNoHead(options: PipelineOptions): void {
  const option = (["head", "heads", "adapter"] as const).find((name) =>
    options[name] !== undefined
  );
  if (option === undefined) return;
  throw new TypeError(
    `Cannot make a pipeline: expected a model directory for option "${option}", found a loaded model`,
  );
}

async function loadHeaded(
  model: string | FileReader,
  { heads: directories = {}, ...wanted }: PipelineOptions,
  options: ClassifierOptions,
): Promise<HeadedClassifier> {
  const { AutoFeatureExtractor, filesOf, loadHeads } = await import("../pretrained.ts");
  const files = await filesOf(model, wanted);
  const extractor = await AutoFeatureExtractor.fromPretrained(files, options);
  const name = typeof model === "string" ? model : files.name ?? "the default model";
  const { onWarning } = options;
  const found = await loadHeads(files, { ...wanted, onWarning, name, directories });
  const { backbone, heads } = found;
  return createHeadedClassifier({ model: found.model, extractor }, heads, { ...options, backbone });
}

async function defaultModel(): Promise<FileReader> {
  const { bundledModelFiles, DEFAULT_MODEL } = await import("../default_model/mod.ts");
  return await bundledModelFiles(DEFAULT_MODEL);
}

async function loadNamed(
  model: string | FileReader,
  wanted: ModelFilesOptions,
  options: ClassifierOptions,
): Promise<AudioClassifier> {
  const { AutoFeatureExtractor, filesOf, loadInferenceModel } = await import(
    "../pretrained.ts"
  );
  const files = await filesOf(model, wanted);
  const extractor = await AutoFeatureExtractor.fromPretrained(files, options);
  const loaded = await loadInferenceModel(files, { onWarning: options.onWarning });
  const name = typeof model === "string" ? model : loaded.origin.file ?? "";
  return createComplete({ model: loaded, extractor }, name, options);
}

async function openLocalFile(path: string): Promise<ReadableBytes & { close(): void }> {
  const { fileSource } = await import("../files.ts");
  return await fileSource(path);
}
