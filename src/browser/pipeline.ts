/**
 * The pipeline in a browser: from a URL or a name of the hub to a function that classifies clips.
 *
 * @module
 */
import {
  type AudioClassifier,
  type ClassifierOptions,
  createComplete,
  expectOptions,
  loadParts,
} from "../classify/classifier.ts";
import { createHeadedClassifier, type HeadedClassifier } from "../classify/heads.ts";
import { expectBackbone, fingerprintOf } from "../heads/backbone.ts";
import { openHead } from "../heads/head_directory.ts";
import { startWasm } from "../kernels/wasm/browser.ts";
import type { InferenceModel } from "../models/mod.ts";
import type { FileReader } from "../weights/byte_source.ts";
import { openCheckpoint } from "../weights/checkpoint.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { lendTensors } from "../weights/lent_tensors.ts";
import type { TensorSource } from "../weights/tensor_source.ts";
import type { StartDevice } from "./webgpu.ts";
import { webModelFiles, type WebModelOptions } from "./web_model_files.ts";

/** How a pipeline is made in a browser. */
export interface BrowserPipelineOptions
  extends
    Pick<ClassifierOptions, "maxSeconds" | "longClips" | "rawScores" | "onWarning">,
    WebModelOptions {
  /** The device to run on: "wasm", or `webgpu` of `@earshot/earshot/browser/webgpu`. @default "wasm" */
  device?: "wasm" | StartDevice;
  /** Threads of WASM. @default all cores where the page is cross-origin isolated, else 1 */
  threads?: number;
  /**
   * Folders of heads by the names that they are to have: the model is then their backbone, a call takes the option
   * `head`, and `classifier.heads` answers with all of them and fits others. @default the model's own head alone
   */
  heads?: Readonly<Record<string, string | URL>>;
}

const TASK = "audio-classification";

/** Names of the options, each once; the compiler misses none. */
const OPTIONS = Object.keys(
  {
    device: 0,
    threads: 0,
    heads: 0,
    maxSeconds: 0,
    longClips: 0,
    rawScores: 0,
    onWarning: 0,
    hashes: 0,
    revision: 0,
    token: 0,
    endpoint: 0,
    cache: 0,
    fetch: 0,
    onProgress: 0,
    signal: 0,
  } satisfies Record<keyof BrowserPipelineOptions, 0>,
);

/**
 * Makes a classifier from a model of the web, a model of the hub, or files.
 *
 * A clip is a `Blob` or `File` (what `MediaRecorder` gives too), an `AudioBuffer`, bytes, or samples with their rate.
 * Sound that goes on is a stream of bytes or samples for `detect`; those of a microphone come from `liveSamples`.
 *
 * @param task always "audio-classification".
 * @param model the URL of a folder (relative ones begin with `./`, `../` or `/`), `org/name` or `org/name@revision` of
 * the hub, or a reader of files.
 * @param options the device, the cache, and how the model comes.
 * @throws {TypeError} naming an option that there is not.
 * @throws {CheckpointError} when a file is missing or wrong, or the model has no trained classifier.
 * @throws {FileError} when a file cannot be fetched, or is not what its hash says.
 * @throws {HubError} when the hub does not give the model.
 * @throws {UnsupportedOpError} when the device cannot be had.
 *
 * @example
 * ```ts
 * import { pipeline } from "@earshot/earshot/browser";
 * import { rejects } from "node:assert/strict";
 *
 * const fetch = () => Promise.resolve(new Response("", { status: 404 }));
 * const model = pipeline("audio-classification", "https://example.org/model/", { fetch });
 * await rejects(model, { name: "CheckpointError" });
 * ```
 */
export async function pipeline(
  task: "audio-classification",
  model: string | URL | FileReader,
  options: BrowserPipelineOptions & Required<Pick<BrowserPipelineOptions, "heads">>,
): Promise<HeadedClassifier>;
/** The same with the model's own head. */
export async function pipeline(
  task: "audio-classification",
  model: string | URL | FileReader,
  options?: BrowserPipelineOptions,
): Promise<AudioClassifier>;
export async function pipeline(
  task: "audio-classification",
  model: string | URL | FileReader,
  options: BrowserPipelineOptions = {},
): Promise<AudioClassifier> {
  if (task !== TASK) {
    throw new RangeError(`Cannot make a pipeline: expected task "${TASK}", found "${task}"`);
  }
  expectOptions("make a pipeline", options, OPTIONS);
  const { maxSeconds, longClips, rawScores, onWarning } = options;
  const classifierOptions = { maxSeconds, longClips, rawScores, onWarning };
  const isPlace = typeof model === "string" || model instanceof URL;
  const files = isPlace ? webModelFiles(model, options) : model;
  await startDevice(options);
  if (options.heads) return await loadHeaded(files, options, classifierOptions);
  const { file, ...loaded } = await loadParts(files, opener(options), classifierOptions);
  return createComplete(loaded, file, classifierOptions);
}

/** Whether memory can be shared with workers. */
function isIsolated(): boolean {
  return Reflect.get(globalThis, "crossOriginIsolated") === true;
}

async function startDevice({ device = "wasm", threads }: BrowserPipelineOptions): Promise<void> {
  if (typeof device === "function") await device();
  else if (device === "wasm") await startWasm({ threads: threads ?? (isIsolated() ? 0 : 1) });
  else throw new RangeError(`Cannot use device "${device}": expected "wasm", or \`webgpu\``);
}

/** Opens weights; WASM copies a tensor at once, so that its own memory can be used again. */
function opener({ device }: BrowserPipelineOptions): (files: FileReader) => Promise<TensorSource> {
  if (typeof device === "function") return openCheckpoint;
  return async (files) => lendTensors(await openCheckpoint(files));
}

async function loadHeaded(
  files: FileReader,
  { heads = {}, ...wanted }: BrowserPipelineOptions,
  options: ClassifierOptions,
): Promise<HeadedClassifier> {
  const { model, extractor, file } = await loadParts(files, opener(wanted), options);
  const loaded = new Map<string, InferenceModel>();
  try {
    model.expectComplete(file, { backboneAlone: true });
    const fingerprint = await fingerprintOfFiles(files, model);
    for (const [name, folder] of Object.entries(heads)) {
      const head = await openHead(webModelFiles(folder, { ...wanted, hashes: undefined }));
      try {
        expectBackbone(head, { file, fingerprint });
        loaded.set(name, await model.withHead(head));
      } finally {
        head.source.close();
      }
    }
    const backbone = { fingerprint, name: files.name };
    return createHeadedClassifier({ model, extractor }, loaded, { ...options, backbone });
  } catch (error) {
    for (const each of [...loaded.values(), model]) each.dispose();
    throw error;
  }
}

/** Which backbone the files have; the copy of the cache is read once more. */
async function fingerprintOfFiles(files: FileReader, model: InferenceModel): Promise<string> {
  const source = await openCheckpoint(files);
  try {
    return await fingerprintOf(model, source, await readJsonFile(files, "config.json"));
  } finally {
    source.close();
  }
}
