/**
 * What `train` starts from: a preset with weights drawn at random, or a model directory.
 *
 * All that needs no device is checked when it is opened; the weights come when they are asked for.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type FeatureExtractor, featureExtractorFromConfig } from "../features/mod.ts";
import { isLayered } from "../heads/layered_files.ts";
import { labelsInConfig } from "../models/labels.ts";
import { type AudioClassificationModel, buildModel } from "../models/model.ts";
import type { ProblemType } from "../models/problem_type.ts";
import { AutoFeatureExtractor, expectRoomFor, filesOf, openWeights } from "../pretrained.ts";
import { isPreset, presetOf, PRESETS } from "../train/options/presets.ts";
import { readJsonFile } from "../weights/json_file.ts";
import type { TensorSource } from "../weights/tensor_source.ts";

import { UsageError } from "./_arguments.ts";
import { isThere } from "./_command.ts";
import { expectTrained } from "../export/trained.ts";

/** A model to be. */
export interface StartingModel {
  extractor: FeatureExtractor;
  /** The class names that it knows, in its order; none where it is new. */
  labels?: readonly string[];
  /**
   * Reads or draws the weights, on the device in use, for what there is to learn; `own` is what the config is to say
   * beyond what transformers knows.
   */
  build(
    labels: readonly string[],
    seed: number,
    problemType?: ProblemType,
    own?: Readonly<Record<string, unknown>>,
  ): Promise<AudioClassificationModel>;
}

/** What a data set is taken for that says nothing else. */
const SINGLE: ProblemType = "single_label_classification";

/** What fine-tuning may draw anew: the head, and the vector that stands for masked frames. */
const DRAWN_NAMES = /^(projector|classifier|outputlayer|layer_weights)\b|\bmasked_spec_embed$/;

/**
 * Opens a preset or a model directory.
 *
 * @param options `clipSeconds`: what clips a preset that sees spectrograms is made for, where not its own; `adapter`: a
 * directory of low-rank changes that go onto the model first; `model`: by what it was named, if not by this.
 * @throws {CheckpointError} when a file of the directory is missing or wrong.
 */
export async function openStartingModel(
  name: string,
  { clipSeconds, adapter, model = name }: {
    clipSeconds?: number;
    adapter?: string;
    model?: string;
  } = {},
): Promise<StartingModel> {
  if (isPreset(name)) {
    if (adapter !== undefined) {
      throw new UsageError(
        `Cannot use argument "--adapter": expected a model directory with it, found preset "${name}"`,
      );
    }
    const { config, preprocessor } = presetOf(name, clipSeconds);
    return {
      extractor: featureExtractorFromConfig(preprocessor),
      build: (labels, seed, problemType = SINGLE, own) =>
        buildModel(withOwn(config, own), { labels, seed, problemType }),
    };
  }
  if (/^\w+$/.test(name) && !await isThere(name)) {
    throw new UsageError(
      `Cannot use argument "--model": expected ${
        Object.keys(PRESETS).join(", ")
      } or a model directory, found "${name}"`,
    );
  }
  const files = await filesOf(name, { adapter });
  const extractor = await AutoFeatureExtractor.fromPretrained(files);
  await expectTrained(name, "fine-tune");
  const config = await readJsonFile(files, "config.json");
  const known = labelsInConfig(config, `${name}/config.json`);
  return {
    extractor,
    labels: known,
    build: async (labels, seed, problemType = SINGLE, own) => {
      // A value is the same by another name.
      const isValue = problemType === "regression" && labels.length === 1;
      const sameClasses = labels.length === known.length &&
        labels.every((label, i) => isValue || label === known[i]);
      const file = `${name}/config.json`;
      const source = await openWeights(files);
      try {
        expectRoomFor(source);
        const weights = sameClasses ? source : withoutClassifier(source);
        return expectBase(
          await buildModel(withOwn(config, own), {
            labels,
            seed,
            file,
            problemType,
            source: weights,
            origin: isLayered(files) ? {} : { name: model },
          }),
          name,
        );
      } finally {
        source.close();
      }
    },
  };
}

/** A config with fields of ours under the one key that is ours. */
function withOwn<Config extends Record<string, unknown>>(
  config: Config,
  own: Readonly<Record<string, unknown>> | undefined,
): Config {
  return own ? { ...config, earshot: { ...config.earshot as object, ...own } } : config;
}

/** Class names are the model's own where both have the same; the order is then the model's. */
export function orderedLabels(
  labels: readonly string[],
  known: readonly string[] | undefined,
): readonly string[] {
  const same = known?.length === labels.length && labels.every((label) => known.includes(label));
  return same ? known : labels;
}

/** A classifier of other classes is of no use, whatever its size. */
function withoutClassifier(source: TensorSource): TensorSource {
  // EfficientAT's hidden layer is good for any classes.
  const hidden = (name: string) => /^(classifier\.(?!2\.)|outputlayer\.)/.test(name);
  return {
    file: source.file,
    names: () => [...source.names()].filter((name) => !hidden(name)),
    shape: (name) => hidden(name) ? undefined : source.shape(name),
    dtype: (name) => source.dtype(name),
    read: (name) => source.read(name),
    origin: (name) => source.origin(name),
    close: () => source.close(),
  };
}

function expectBase(model: AudioClassificationModel, directory: string): AudioClassificationModel {
  const gaps = model.loading.missing.filter((name) => !DRAWN_NAMES.test(name));
  if (gaps.length === 0) return model;
  model.dispose();
  const more = gaps.length > 1 ? ` and ${gaps.length - 1} more` : "";
  throw new CheckpointError(
    `Cannot fine-tune "${directory}": expected tensor "${gaps[0]}"${more}, found none of that name`,
    { file: directory, key: gaps[0] },
  );
}
