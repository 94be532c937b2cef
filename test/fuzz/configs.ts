/**
 * Inputs for what reads JSON and YAML: configurations of models, extractors, checkpoints and data sets, and bodies of
 * requests.
 *
 * @module
 */
import { clipRequest, expectClipRequest } from "../../edge/_clip_request.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { readCard } from "../../src/data/_card.ts";
import { type DataFile, type DataFiles, openBytes } from "../../src/data/_data_files.ts";
import { featuresFromJson } from "../../src/data/features.ts";
import { featureExtractorFromConfig } from "../../src/features/mod.ts";
import { ConfigReader } from "../../src/models/_config_reader.ts";
import { labelsOf } from "../../src/models/labels.ts";
import { architectureOf } from "../../src/models/registry.ts";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { readJsonFile } from "../../src/weights/json_file.ts";
import { MODEL_TYPES, modelRecipe, type ModelSize } from "../model_recipes.ts";
import type { Dice } from "./dice.ts";
import { broken, brokenJson } from "./json.ts";
import type { FuzzTarget } from "./target.ts";

const SIZE: ModelSize = {
  hidden: 8,
  layers: 1,
  heads: 2,
  wide: 8,
  convolutions: { channels: 4, widths: [10, 4], strides: [5, 4] },
  positions: { width: 4, groups: 4 },
  samplingRate: 8_000,
  ast: { frames: 98, bands: 16 },
  ced: { frames: 101, bands: 8, patch: 4 },
  pairs: { bands: 8 },
  whisper: { seconds: 1, bands: 4 },
  initializerRange: 0.1,
};

/** An object of JSON, as a directory has it. */
async function jsonOf(bytes: Uint8Array, name: string): Promise<Record<string, unknown>> {
  const open = (file: string) => Promise.resolve(bytesSource(file, bytes));
  return await readJsonFile({ open }, name);
}

async function parseConfig(bytes: Uint8Array): Promise<void> {
  const config = await jsonOf(bytes, "config.json");
  const reader = new ConfigReader(config, "config.json");
  const labels = labelsOf(reader);
  architectureOf(config.model_type, "config.json").parseConfig(reader, labels.length);
}

async function parsePreprocessor(bytes: Uint8Array): Promise<void> {
  featureExtractorFromConfig(await jsonOf(bytes, "preprocessor_config.json"));
}

/** A data set of one file in memory. */
function filesOf(path: string, bytes: Uint8Array): DataFiles {
  const file: DataFile = {
    ...{ path, name: path, sizeBytes: bytes.length },
    open: () => Promise.resolve(openBytes(path, bytes)),
    sibling: () => Promise.reject(new RangeError('Cannot open "x": expected no other file')),
  };
  return { name: "fuzz", paths: [path], file: () => Promise.resolve(file) };
}

const FEATURES = {
  audio: { _type: "Audio", sampling_rate: 8000, decode: true },
  label: { _type: "ClassLabel", names: ["no", "yes"] },
  tags: { _type: "Sequence", feature: { _type: "Value", dtype: "int64" } },
  who: { name: { _type: "Value", dtype: "string" }, ages: [{ _type: "Value", dtype: "int8" }] },
};

const CARD = {
  configs: [{ config_name: "a", data_files: [{ split: "train", path: "*.csv" }], default: true }],
  dataset_info: [{
    config_name: "a",
    features: [
      { name: "text", dtype: "string" },
      { name: "label", dtype: { class_label: { names: { "0": "no", "1": "yes" } } } },
      { name: "list", sequence: "int64" },
      { name: "parts", struct: [{ name: "x", dtype: "float32" }] },
    ],
  }],
};

/** A parser of YAML fills the stack at about a thousand levels, and takes long for it. */
const YAML_DEPTH = 200;

/** JSON is YAML too; the rest of YAML comes by damage, and by references. */
function card(dice: Dice): Uint8Array {
  const text = new TextDecoder().decode(broken(brokenJson(CARD, dice), dice, YAML_DEPTH));
  const bomb = 'a: &a ["x","x"]\nb: &b [*a,*a]\nc: &c [*b,*b]\nconfigs: [*c,*c,*c]\n';
  const front = dice.roll(20) === 0 ? bomb : text;
  const bytes = new TextEncoder().encode(`---\n${front}\n---\n# A card\n`);
  return dice.roll(4) === 0 ? dice.damage(bytes, 2) : bytes;
}

const CLIP = encodeWav(new Float32Array(100), 8_000);
const BODY = {
  inputs: btoa(String.fromCharCode(...CLIP)),
  parameters: { top_k: 2, function_to_apply: "softmax" },
};

/** A request of JSON, or of bytes; the first byte says which, and what its query is. */
async function parseRequest(bytes: Uint8Array): Promise<void> {
  const [kind = 0, ...rest] = bytes;
  const type = kind % 2 === 0 ? "application/json" : "audio/wav";
  const query = ["", "?top_k=1", "?top_k=x", "?function_to_apply=none", "?top_k=-1"][kind % 5]!;
  const request = new Request(`http://fuzz.example/${query}`, {
    method: "POST",
    headers: { "content-type": type },
  });
  expectClipRequest(request);
  await clipRequest(request, Uint8Array.from(rest));
}

function request(dice: Dice): Uint8Array {
  const kind = dice.roll(10);
  const json = broken(brokenJson(BODY, dice), dice);
  return Uint8Array.of(kind, ...kind % 2 === 0 ? json : dice.damage(CLIP, 3));
}

/** The readers of JSON and YAML, by what it configures. */
export const CONFIG_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  "config": {
    make: (dice) => {
      const { config } = modelRecipe(dice.pick(MODEL_TYPES), SIZE);
      const labels = { id2label: { "0": "no", "1": "yes" }, num_labels: 2 };
      return { bytes: broken(brokenJson({ ...config, ...labels }, dice), dice) };
    },
    parse: parseConfig,
    inputs: 9_000,
  },
  "preprocessor": {
    make: (dice) => {
      const { preprocessor } = modelRecipe(dice.pick(MODEL_TYPES), SIZE);
      return { bytes: broken(brokenJson(preprocessor, dice), dice) };
    },
    parse: parsePreprocessor,
    inputs: 7_500,
  },
  "features": {
    make: (dice) => ({ bytes: broken(brokenJson(FEATURES, dice), dice) }),
    parse: async (bytes) => void featuresFromJson(await jsonOf(bytes, "a.json"), "a.json"),
    inputs: 9_000,
  },
  "dataset-infos": {
    make: (dice) => ({ bytes: broken(brokenJson({ a: { features: FEATURES } }, dice), dice) }),
    parse: async (bytes) => void await readCard(filesOf("dataset_infos.json", bytes)),
    inputs: 9_000,
  },
  "card": {
    make: (dice) => ({ bytes: card(dice) }),
    parse: async (bytes) => void await readCard(filesOf("README.md", bytes)),
    inputs: 1_500,
  },
  "request": { make: (dice) => ({ bytes: request(dice) }), parse: parseRequest, inputs: 4_500 },
};
