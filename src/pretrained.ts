/**
 * Models and feature extractors from a model directory, and back into one, in the words of transformers.
 *
 * A directory is what Hugging Face writes: `config.json`, `preprocessor_config.json` and weights. It lies on
 * the local disk or, where there is none of that name, on the hub; or a {@linkcode FileReader} brings its files,
 * for reading only.
 *
 * @module
 */
import { BACKBONE, bundledModelFiles } from "./default_model/mod.ts";
import { CheckpointError, DeviceError } from "./errors.ts";
import {
  directoryFiles,
  entryIfThere,
  type FileToWrite,
  writeDirectoryAtomic,
  writeFiles,
} from "./files.ts";
import {
  type FeatureExtractor,
  type LoadExtractorOptions,
  loadFeatureExtractor,
} from "./features/mod.ts";
import type { HubModelOptions } from "./hub/mod.ts";
import { copiesAtOnce, memoryLimitBytes, useDevice } from "./devices.ts";
import type { ModelOrigin, SavedDtype } from "./models/mod.ts";
import { type GivenLabels, givenLabels } from "./models/given_labels.ts";
import type { InferenceModel } from "./models/inference_model.ts";
import {
  type AudioClassificationModel,
  buildInferenceModel,
  buildModel,
  type BuildModelOptions,
  type ChosenPrecision,
  type JsonObject,
} from "./models/model.ts";
import type { ProblemType } from "./models/problem_type.ts";
import {
  type BackboneFacts,
  backboneFacts,
  expectBackbone,
  fingerprintOf,
} from "./heads/backbone.ts";
import { adaptedFiles, isAdapter, openAdapted } from "./heads/adapted_files.ts";
import { ADAPTER_CONFIG, ADAPTER_FILE, readAdapterConfig } from "./heads/adapter_directory.ts";
import { adapterOf } from "./heads/adapter_files.ts";
import { HEAD_FILE, openHead } from "./heads/head_directory.ts";
import { joinHead } from "./heads/joined_weights.ts";
import { isLayered, type LayeredFiles, layeredFiles } from "./heads/layered_files.ts";
import { readJsonFile } from "./weights/json_file.ts";
import { type FileReader, nameIn } from "./weights/byte_source.ts";
import { openCheckpoint } from "./weights/checkpoint.ts";
import { hashedReads } from "./weights/fingerprint.ts";
import { lendTensors } from "./weights/lent_tensors.ts";
import { streamSafetensors } from "./weights/safetensors_writer.ts";
import type { TensorSource } from "./weights/tensor_source.ts";

/** Which files make a model. */
export interface ModelFilesOptions extends HubModelOptions {
  /**
   * A head's directory, or `org/name` on the hub: the model is then that head on this backbone.
   * @default the head that the model has
   */
  head?: string;
  /**
   * A directory that peft or `saveAdapter` wrote, or `org/name` on the hub: the model is then this one with those low-rank
   * changes in it. @default none; those of the model itself, where it is named by such a directory
   */
  adapter?: string;
}

/** How a pretrained model is adapted while it is loaded. */
export interface FromPretrainedOptions
  extends ModelFilesOptions, GivenLabels, LoadExtractorOptions {
  /** What the outputs mean, in place of the config's `problem_type`. */
  problemType?: ProblemType;
  /** Fields in place of those of `config.json`, `{ layerdrop: 0 }` for one. */
  config?: Record<string, unknown>;
  /**
   * Whisper: whether the mean is taken over the frames that hold audio, not over the silence behind them.
   * Kept as `pool_mask` in `config.json`. @default what the config says; else false, as the reference
   */
  poolMask?: boolean;
  /**
   * Audio Spectrogram Transformer: whether clips may have any length, the positions being stretched over it, instead
   * of being padded or cut to one. Kept as `interpolate_positions` in `config.json`. @default as for `poolMask`
   */
  interpolatePositions?: boolean;
  /** Seed of what the checkpoint lacks. @default 42 */
  seed?: number;
  /** Whether a tensor of another shape is drawn anew instead of refused. @default false */
  ignoreMismatchedSizes?: boolean;
}

/** Loads feature extractors. */
export class AutoFeatureExtractor {
  /**
   * The extractor of a model, from its `processor_config.json` or `preprocessor_config.json`; of neither, that of the
   * architecture, with a warning.
   *
   * @param model the directory; or, where there is none, `org/name` or `org/name@revision` on the hub; or its files.
   * @param options how the hub is reached, and who gets a warning.
   * @throws {CheckpointError} when a file is wrong, or there is none of a model.
   * @throws {HubError} when the hub does not give it.
   *
   * @example
   * ```ts
   * import { AutoFeatureExtractor } from "@earshot/earshot";
   * import assert from "node:assert/strict";
   *
   * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
   * assert.equal(extractor.samplingRate, 8000);
   * ```
   */
  static async fromPretrained(
    model: string | FileReader,
    options: HubModelOptions & LoadExtractorOptions = {},
  ): Promise<FeatureExtractor> {
    return await loadFeatureExtractor(await filesOf(model, options), options);
  }
}

/**
 * The model of a directory or of the hub, on the device in use; WASM on one thread where none was chosen.
 *
 * @param model the directory; or, where there is none, `org/name` or `org/name@revision` on the hub; or its files.
 * @param options how the model is adapted, and how the hub is reached.
 * @throws {CheckpointError} when a file is missing or wrong.
 * @throws {RangeError} when class names contradict each other.
 * @throws {HubError} when the hub does not give one.
 */
export async function loadPretrained(
  model: string | FileReader,
  options: FromPretrainedOptions = {},
): Promise<AudioClassificationModel> {
  const files = await filesOf(model, options);
  await useDevice();
  if (typeof model !== "string") return await loadModel(files, options);
  const isHubId = !await isDirectory(model);
  return await loadModel(files, options, { name: model, hubId: isHubId ? idOf(model) : undefined });
}

async function isDirectory(path: string): Promise<boolean> {
  return (await entryIfThere(path))?.isDirectory ?? false;
}

/** `org/name` of `org/name@revision`. */
function idOf(name: string): string {
  return name.split("@")[0]!;
}

/** The model of a directory's files, on the device in use. */
export function loadModel(
  files: FileReader,
  options: FromPretrainedOptions = {},
  named: Pick<ModelOrigin, "name" | "hubId"> = {},
): Promise<AudioClassificationModel> {
  return withCheckpoint(files, options, named, buildModel);
}

/** The same to answer with alone, its weights laid out as they come; `precision` as for `prepare`. */
export function loadInferenceModel(
  files: FileReader,
  options: FromPretrainedOptions = {},
  precision?: ChosenPrecision,
): Promise<InferenceModel> {
  return withCheckpoint(files, options, {}, (config, known) => {
    return buildInferenceModel(config, known, precision);
  });
}

async function withCheckpoint<Model extends InferenceModel>(
  files: FileReader,
  options: FromPretrainedOptions,
  named: Pick<ModelOrigin, "name" | "hubId">,
  build: (config: JsonObject, options: BuildModelOptions) => Promise<Model>,
  watch: (source: TensorSource) => TensorSource = (source) => source,
): Promise<Model> {
  const labels = givenLabels(options);
  const json = await readJsonFile(files, "config.json");
  const config = { ...json, ...options.config, ...ownFields(json.model_type, options) };
  const checkpoint = watch(await openWeights(files));
  const source = copiesAtOnce() ? lendTensors(checkpoint) : checkpoint;
  try {
    expectRoomFor(source);
    const file = nameIn(files, "config.json");
    const { file: weights, exported } = checkpoint;
    const origin = {
      file: weights,
      exported,
      ...named,
      ...isLayered(files) && { name: undefined },
    };
    const model = await build(config, { ...options, labels, source, file, origin });
    if (isLayered(files) && files.kind === "head") await expectOwnBackbone(files, model, source);
    return model;
  } finally {
    source.close();
  }
}

/** The weights of a model directory, those of a head in the place of the backbone's own, and of an adapter merged. */
export async function openWeights(files: FileReader): Promise<TensorSource> {
  if (!isLayered(files)) return await openCheckpoint(files);
  if (files.kind === "adapter") return await openAdapted(files);
  const head = await openHead(files.above);
  const backbone = await openWeights(files.backbone).catch((error) => {
    head.source.close();
    throw error;
  });
  return joinHead(backbone, head.source);
}

/** A backbone and heads on it. */
export interface LoadedHeads {
  /** Its own head may be missing. */
  model: InferenceModel;
  /** By name, in the order in which they were named. */
  heads: Map<string, InferenceModel>;
  backbone: BackboneFacts;
}

/**
 * Loads a backbone once, and heads on it.
 *
 * @param name what messages call the backbone.
 * @param directories those of the heads, or `org/name` on the hub, by the names that they are to have.
 * @throws {CheckpointError} when a file is missing or wrong, or a head is of another backbone.
 */
export async function loadHeads(
  files: FileReader,
  { name, directories, ...options }: FromPretrainedOptions & {
    name: string;
    directories: Readonly<Record<string, string>>;
  },
): Promise<LoadedHeads> {
  const model = await loadInferenceModel(files, options);
  const heads = new Map<string, InferenceModel>();
  try {
    model.expectComplete(name, { backboneAlone: true });
    const fingerprint = await fingerprintOfFiles(files, model);
    for (const [key, directory] of Object.entries(directories)) {
      const head = await openHead(await directFiles(directory, options));
      try {
        expectBackbone(head, { file: name, fingerprint });
        heads.set(key, await model.withHead(head));
      } finally {
        head.source.close();
      }
    }
    return { model, heads, backbone: { fingerprint, name } };
  } catch (error) {
    for (const loaded of [...heads.values(), model]) loaded.dispose();
    throw error;
  }
}

/**
 * A model to answer with, and the fingerprint of its backbone from the same reading of its weights; none of an export that
 * does not say what it was made from.
 *
 * @throws {CheckpointError} when a file is missing or wrong.
 */
export async function loadFingerprinted(
  files: FileReader,
  options: FromPretrainedOptions = {},
): Promise<{ model: InferenceModel; fingerprint?: string }> {
  let source: ReturnType<typeof hashedReads> | undefined;
  const watch = (opened: TensorSource) => source = hashedReads(opened);
  const model = await withCheckpoint(files, options, {}, buildInferenceModel, watch);
  try {
    const json = await readJsonFile(files, "config.json");
    if (source!.exported !== undefined) {
      return { model, fingerprint: backboneFacts(json)?.fingerprint };
    }
    return { model, fingerprint: await fingerprintOf(model, source!, json) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The fingerprint of a loaded model's backbone, from the files that it was loaded from. */
export async function fingerprintOfFiles(
  files: FileReader,
  model: InferenceModel,
): Promise<string> {
  const source = await openWeights(files);
  try {
    return await fingerprintOf(model, source, await readJsonFile(files, "config.json"));
  } finally {
    source.close();
  }
}

/** Refuses a head of another backbone; the model is disposed then. */
async function expectOwnBackbone(
  files: LayeredFiles,
  model: InferenceModel,
  source: TensorSource,
): Promise<void> {
  try {
    const head = await openHead(files.above);
    head.source.close();
    const json = await readJsonFile(files.backbone, "config.json");
    const fingerprint = await fingerprintOf(model, source, json);
    expectBackbone(head, { file: files.backbone.name ?? source.file, fingerprint });
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Refuses a model that cannot be trained.
 *
 * @throws {CheckpointError} where its weights are an export of 8 bits: steps would be lost in rounding.
 * @throws {UnsupportedOpError} where its head is none that classifies clips.
 */
export function expectTrainable(model: AudioClassificationModel): void {
  model.expectClipHead("train");
  const { origin: { exported, file } } = model;
  if (exported !== "q8") return;
  throw new CheckpointError(
    `Cannot train "${file}": expected weights as they were trained, found an export of q8`,
    { file, hint: "Load the directory that it was exported from" },
  );
}

/**
 * Refuses weights that cannot fit before any of them is read. Those that an export stores in 8 bits stay so in
 * memory; all others become float32.
 *
 * @throws {DeviceError} with the size and the limit.
 */
export function expectRoomFor(source: TensorSource): void {
  const limit = memoryLimitBytes();
  if (limit === undefined) return;
  const sizes = Array.from(source.names(), (name) => {
    const count = source.shape(name)!.reduce((product, axis) => product * axis, 1);
    return source.form?.(name) === "int8-panels" ? count : 4 * count;
  });
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= limit) return;
  throw new DeviceError(
    `Cannot load "${source.file}": expected weights within the 4 GB of WASM memory, found ` +
      `${(total / 2 ** 30).toFixed(1)} GB`,
    { reason: "memory", hint: "Use WebGPU, or a smaller model of the same family" },
  );
}

/** Options of one architecture each, and the fields of `config.json` that keep them. */
const OWN_FIELDS = [
  { option: "poolMask", field: "pool_mask", modelType: "whisper" },
  {
    option: "interpolatePositions",
    field: "interpolate_positions",
    modelType: "audio-spectrogram-transformer",
  },
] as const;

/** @throws {TypeError} when an option is of another architecture. */
function ownFields(modelType: unknown, options: FromPretrainedOptions): Record<string, boolean> {
  const fields: Record<string, boolean> = {};
  for (const { option, field, modelType: owner } of OWN_FIELDS) {
    const value = options[option];
    if (value === undefined) continue;
    if (modelType !== owner) {
      throw new TypeError(
        `Cannot use option "${option}": expected a model of type "${owner}", found "${modelType}"`,
      );
    }
    fields[field] = value;
  }
  return fields;
}

/**
 * The files of a model: of the directory of that name or, where there is none, of the model to start from that comes
 * with the package, or of the hub.
 *
 * @throws {CheckpointError} when the name is that of a file, or cannot be one of the hub.
 * @throws {FileError} when something of that name is here and cannot be looked at; the hub is not asked then.
 * @throws {HubError} when the hub has no such model, or does not give it.
 */
export async function filesOf(
  model: string | FileReader,
  options: ModelFilesOptions = {},
): Promise<FileReader> {
  const { head, adapter, ...hub } = options;
  const files = await withAdapter(await directFiles(model, hub), { model, adapter, hub });
  if (head !== undefined) return layeredFiles(await directFiles(head, hub), files);
  if (typeof model !== "string" || !await entryIfThere(`${model}/${HEAD_FILE}`)) return files;
  const { file, backbone: { name }, source } = await openHead(files);
  source.close();
  if (name !== undefined) return layeredFiles(files, await directFiles(name, hub));
  throw new CheckpointError(
    `Cannot load model "${file}": expected a whole model, found a head that does not name its backbone`,
    { file, hint: "Name its backbone as the model, and this as the option `head`" },
  );
}

/** The same with the adapter that was named; the files of an adapter itself with those of the model that it names. */
async function withAdapter(
  files: FileReader,
  { model, adapter, hub }: { model: string | FileReader; adapter?: string; hub: HubModelOptions },
): Promise<FileReader> {
  if (adapter !== undefined) return await adaptedFiles(await directFiles(adapter, hub), files);
  if (typeof model !== "string" || !await isAdapter(files)) return files;
  const { base, file } = await readAdapterConfig(files);
  const hint = "Name its model as the model, and this as the option `adapter`";
  if (base === undefined) {
    throw new CheckpointError(
      `Cannot load model "${model}": expected a whole model, found an adapter that does not name its model`,
      { file, hint },
    );
  }
  const whole = await directFiles(base, hub).catch((cause) => {
    if (!(cause instanceof CheckpointError)) throw cause;
    throw new CheckpointError(
      `Cannot load model "${model}": expected the model "${base}" that the adapter names, found none`,
      { file, hint, cause },
    );
  });
  return await adaptedFiles(files, whole);
}

/** The files of one directory or of the hub, whether a whole model or a head. */
export async function directFiles(
  model: string | FileReader,
  options: HubModelOptions = {},
): Promise<FileReader> {
  if (typeof model !== "string") return model;
  const found = await entryIfThere(model);
  if (found?.isDirectory) return directoryFiles(model);
  if (!found && model === BACKBONE) return await bundledModelFiles(BACKBONE);
  const { hubModelFiles, parseHubName } = await import("./hub/mod.ts");
  if (!found && parseHubName(model)) return await hubModelFiles(model, options);
  const hint = /^[\w.-]+$/.test(model) ? 'A model of the hub is named "org/name"' : undefined;
  throw new CheckpointError(
    `Cannot load model "${model}": expected a model directory, found ${
      found ? "a file" : "nothing"
    }`,
    { file: model, hint: found ? undefined : hint },
  );
}

const JSON_FILES = ["preprocessor_config.json", "config.json"] as const;

/** The files of a model directory as chunks, the one that makes it a model last. */
export function modelFiles(
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
  dtype: SavedDtype = "float32",
): FileToWrite[] {
  const contents = {
    "preprocessor_config.json": extractor.toConfig(),
    "config.json": model.toConfig(dtype),
  };
  const weights = streamSafetensors(model.tensors(dtype));
  return [
    { name: "model.safetensors", chunks: () => weights.chunks() },
    ...JSON_FILES.map((name) => ({ name, chunks: () => [jsonBytes(contents[name])] })),
  ];
}

/**
 * The files of an adapter's directory as chunks: what peft reads, and beside it the names of classes and the extractor.
 *
 * @param base the directory of the model that the low-rank changes are of, or its name on the hub.
 * @throws {UnsupportedOpError} where the model has no such changes, or has trained what peft has no place for.
 */
export function adapterDirectoryFiles(
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
  base: string,
): FileToWrite[] {
  const { config, tensors } = adapterOf(model, base);
  const contents = {
    [ADAPTER_CONFIG]: config,
    "preprocessor_config.json": extractor.toConfig(),
    "config.json": model.toConfig(),
  };
  const weights = streamSafetensors(tensors);
  return [
    { name: ADAPTER_FILE, chunks: () => weights.chunks() },
    ...Object.entries(contents).map(([name, json]) => ({ name, chunks: () => [jsonBytes(json)] })),
  ];
}

/** JSON text as the reference writes it. */
export function jsonBytes(content: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(content, null, 2) + "\n");
}

/** How a model is saved. */
export interface SavePretrainedOptions {
  /** Whether files that are there already may be replaced. @default false */
  replace?: boolean;
  /** How weights are stored; "float16" halves the file and rounds to 11 bits. @default "float32" */
  dtype?: SavedDtype;
}

/**
 * Writes a model directory that transformers and Earshot load, whole or not at all.
 *
 * @throws {FileError} when it cannot be written, or holds files already and `replace` is not set.
 *
 * @example
 * ```ts
 * import { AutoFeatureExtractor, AutoModelForAudioClassification, savePretrained } from "@earshot/earshot";
 * import assert from "node:assert/strict";
 *
 * const extractor = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const directory = `${await Deno.makeTempDir()}/half`;
 * await savePretrained(directory, model, extractor, { dtype: "float16" });
 * model.dispose();
 * const { size } = await Deno.stat(`${directory}/model.safetensors`);
 * assert.ok(size < 1.3e6);
 * ```
 */
export async function savePretrained(
  directory: string,
  model: AudioClassificationModel,
  extractor: FeatureExtractor,
  options: SavePretrainedOptions = {},
): Promise<void> {
  await writeDirectoryAtomic(
    directory,
    (folder) => writeFiles(folder, modelFiles(model, extractor, options.dtype)),
    options,
  );
}
