/**
 * The classes by which transformers' users find a model: from the name of a directory or of the hub to a config, or to
 * a model that can be saved and pushed again.
 *
 * What they do is done elsewhere: reading and writing in `pretrained.ts`, pushing in `share`.
 *
 * @module
 */
import type { FeatureExtractor } from "./features/mod.ts";
import type { HubCommit, HubModelOptions } from "./hub/mod.ts";
import type { AudioClassificationModel } from "./models/mod.ts";
import { architectureOf } from "./models/registry.ts";
import {
  AutoFeatureExtractor,
  filesOf,
  type FromPretrainedOptions,
  loadPretrained,
  savePretrained,
  type SavePretrainedOptions,
} from "./pretrained.ts";
import { pushToHub, type PushToHubOptions } from "./share/mod.ts";
import { type FileReader, nameIn } from "./weights/byte_source.ts";
import { readJsonFile } from "./weights/json_file.ts";

/** What makes the input of a model that is saved or pushed. */
export interface WithExtractor {
  /** Written beside the model. @default the extractor that the model came with */
  extractor?: FeatureExtractor;
}

/** A model that knows where it came from. */
export interface PretrainedModel extends AudioClassificationModel {
  /**
   * Writes the model with its extractor as a directory that transformers and Earshot load, whole or not at all.
   *
   * @throws {FileError} when it cannot be written, or holds files already and `replace` is not set.
   */
  savePretrained(directory: string, options?: SavePretrainedOptions & WithExtractor): Promise<void>;
  /**
   * Pushes the model with its extractor and a card.
   *
   * @param repo `org/name`; or `name`, for one of the token's owner. It is made where it is missing.
   * @throws {HubError} when the hub does not take it; nothing of it is in the repository then.
   */
  pushToHub(
    repo: string,
    options?: PushToHubOptions & Pick<SavePretrainedOptions, "dtype"> & WithExtractor,
  ): Promise<HubCommit>;
}

/** Loads audio-classification models of any supported architecture. */
export class AutoModelForAudioClassification {
  /**
   * The model of a directory or of the hub, on the device in use; WASM on one thread where none was chosen.
   *
   * What the checkpoint lacks (a new classifier) is drawn at random and listed in `model.loading`. Class names are
   * given as `labels`, or as `id2label`, `label2id` and `numLabels`.
   *
   * @param model the directory; or, where there is none, `org/name` or `org/name@revision` on the hub; or its files.
   * @param options how the model is adapted, and how the hub is reached.
   * @throws {CheckpointError} when a file is missing or wrong.
   * @throws {RangeError} when class names contradict each other.
   * @throws {HubError} when the hub does not give one.
   *
   * @example
   * ```ts
   * import { AutoModelForAudioClassification } from "@earshot/earshot";
   * import assert from "node:assert/strict";
   *
   * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
   * assert.equal(model.labels.length, 14);
   * const directory = `${await Deno.makeTempDir()}/half`;
   * await model.savePretrained(directory, { dtype: "float16" });
   * assert.ok((await Deno.stat(`${directory}/model.safetensors`)).size < 1.3e6);
   * model.dispose();
   * ```
   */
  static async fromPretrained(
    model: string | FileReader,
    options: FromPretrainedOptions = {},
  ): Promise<PretrainedModel> {
    const loaded = await loadPretrained(model, options);
    const extractorOf = ({ extractor }: WithExtractor) =>
      extractor ?? AutoFeatureExtractor.fromPretrained(model, options);
    return Object.assign(loaded, {
      savePretrained: async (
        directory: string,
        options: SavePretrainedOptions & WithExtractor = {},
      ) => await savePretrained(directory, loaded, await extractorOf(options), options),
      pushToHub: async (
        repo: string,
        options: PushToHubOptions & Pick<SavePretrainedOptions, "dtype"> & WithExtractor = {},
      ) => await pushToHub(repo, loaded, await extractorOf(options), options),
    });
  }
}

/** The fields of a `config.json`, by their names there. */
export interface PretrainedConfig {
  /** Which architecture it is of. */
  readonly model_type: string;
  /** All other fields, as they were read. */
  readonly [field: string]: unknown;
}

/** Reads configurations. */
export class AutoConfig {
  /**
   * The `config.json` of a directory or of the hub, for a model of a supported architecture.
   *
   * @param model the directory; or, where there is none, `org/name` or `org/name@revision` on the hub; or its files.
   * @param options how the hub is reached.
   * @throws {CheckpointError} when the file is missing or wrong, or of an unknown architecture.
   * @throws {HubError} when the hub does not give it.
   *
   * @example
   * ```ts
   * import { AutoConfig } from "@earshot/earshot";
   * import assert from "node:assert/strict";
   *
   * const config = await AutoConfig.fromPretrained("models/voice_menu");
   * assert.equal(config.model_type, "wav2vec2");
   * assert.equal(config.num_hidden_layers, 2);
   * ```
   */
  static async fromPretrained(
    model: string | FileReader,
    options: HubModelOptions = {},
  ): Promise<PretrainedConfig> {
    const files = await filesOf(model, options);
    const config = await readJsonFile(files, "config.json");
    const { modelType } = architectureOf(config.model_type, nameIn(files, "config.json"));
    return { ...config, model_type: modelType };
  }
}
