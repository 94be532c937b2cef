/**
 * Low-rank changes apart from their model, as peft keeps them: `adapter_config.json`, and `adapter_model.safetensors` with A
 * and B of each changed layer, and with the layers that were trained whole.
 *
 * What is read is LoRA with `use_rslora`, patterns of rank and alpha, and biases; what else a config asks for is refused by
 * name. `adapter_files.ts` writes the plain form of it.
 *
 * Source: peft 0.21, `LoraConfig` and `get_peft_model_state_dict`.
 *
 * @module
 */
import { CheckpointError, UnsupportedOpError } from "../errors.ts";
import type { JsonObject } from "../models/mod.ts";
import { type FileReader, nameIn } from "../weights/byte_source.ts";
import { openCheckpoint } from "../weights/checkpoint.ts";
import { readJsonFile } from "../weights/json_file.ts";
import type { TensorSource } from "../weights/tensor_source.ts";

/** The file that makes a directory one of an adapter. */
export const ADAPTER_CONFIG = "adapter_config.json";

/** The file of its tensors. */
export const ADAPTER_FILE = "adapter_model.safetensors";

/** What stands before the names of a model's layers. */
export const PEFT_PREFIX = "base_model.model.";

/** What an adapter's config says, as far as it counts for answers. */
export interface AdapterConfig {
  /** The config's file, for messages. */
  file: string;
  rank: number;
  alpha: number;
  /** Whether changes are divided by the root of the rank. */
  isRootScaled: boolean;
  /** Ranks and alphas of layers that have their own, by the end of their names. */
  rankPattern: Readonly<Record<string, number>>;
  alphaPattern: Readonly<Record<string, number>>;
  /** Ends of the names of all layers that are changed; undefined where the config leaves some of these out. */
  targets?: readonly string[];
  /** Layers that were trained whole. */
  whole: readonly string[];
  /** The class of the model, as transformers calls it. */
  baseClass?: string;
  /** The directory or the id of the model. */
  base?: string;
}

/** An adapter's directory, open. */
export interface AdapterDirectory {
  config: AdapterConfig;
  /** Closed by the caller. */
  source: TensorSource;
}

/** Fields that say nothing about answers, or that are read. */
const KNOWN_FIELDS = [
  ...["auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "task_type"],
  ...["peft_type", "peft_version", "r", "lora_alpha", "lora_dropout", "bias", "use_rslora"],
  ...["rank_pattern", "alpha_pattern", "target_modules", "exclude_modules", "modules_to_save"],
  ...["layers_to_transform", "layers_pattern", "init_lora_weights", "ensure_weight_tying"],
  // Of no effect on linear layers, or without the feature that they belong to.
  ...["fan_in_fan_out", "megatron_core", "qalora_group_size", "runtime_config", "eva_config"],
];

/** First values that leave the model's own weights as they were. */
const PLAIN_STARTS: readonly unknown[] = [undefined, null, true, false, "gaussian", "eva"];

/**
 * Opens an adapter's directory.
 *
 * @throws {CheckpointError} where a file is missing or broken.
 * @throws {UnsupportedOpError} where its config asks for what is not plain LoRA.
 */
export async function openAdapter(files: FileReader): Promise<AdapterDirectory> {
  const config = await readAdapterConfig(files);
  const source = await openCheckpoint({
    name: files.name,
    open: async (name) => await files.open(ADAPTER_NAMES[name] ?? ""),
  }).catch((cause) => {
    if (!/found none of them/.test(cause.message)) throw cause;
    const file = files.name ?? "adapter";
    throw new CheckpointError(
      `Cannot load adapter "${file}": expected "${ADAPTER_FILE}", found none`,
      { file, cause },
    );
  });
  return { config, source };
}

/** Names of a model's weights, and of an adapter's. */
const ADAPTER_NAMES: Readonly<Record<string, string>> = {
  "model.safetensors": ADAPTER_FILE,
  "pytorch_model.bin": "adapter_model.bin",
};

/**
 * What the config of an adapter says.
 *
 * @throws {CheckpointError} where it is missing or broken.
 * @throws {UnsupportedOpError} where it asks for what is not plain LoRA.
 */
export async function readAdapterConfig(files: FileReader): Promise<AdapterConfig> {
  const json = await readJsonFile(files, ADAPTER_CONFIG);
  const file = nameIn(files, ADAPTER_CONFIG);
  expectPlain(json, file);
  const { base_model_name_or_path: base, auto_mapping: mapping, target_modules } = json;
  const baseClass = (mapping as JsonObject | null | undefined)?.base_model_class;
  const targets = listed(target_modules);
  const isPartial = [json.exclude_modules, json.layers_to_transform].some(isSet);
  return {
    file,
    rank: positive(json, "r", file),
    alpha: positive(json, "lora_alpha", file),
    isRootScaled: json.use_rslora === true,
    rankPattern: pattern(json, "rank_pattern", file),
    alphaPattern: pattern(json, "alpha_pattern", file),
    ...!isPartial && targets && { targets },
    whole: listed(json.modules_to_save) ?? [],
    ...typeof baseClass === "string" && { baseClass },
    ...typeof base === "string" && base !== "" && { base: withRevision(base, json.revision) },
  };
}

function expectPlain(json: JsonObject, file: string): void {
  if (json.peft_type !== "LORA") throw unsupported(file, 'peft_type "LORA"', json.peft_type);
  if (!PLAIN_STARTS.includes(json.init_lora_weights)) {
    throw unsupported(file, "first values that leave the model as it is", {
      init_lora_weights: json.init_lora_weights,
    });
  }
  const [other] = Object.entries(json)
    .filter(([name, value]) => !KNOWN_FIELDS.includes(name) && isSet(value));
  if (other) throw unsupported(file, `LoRA without ${JSON.stringify(other[0])}`, other[1]);
}

function unsupported(file: string, expected: string, found: unknown): UnsupportedOpError {
  return new UnsupportedOpError(
    `Cannot use adapter "${file}": expected ${expected}, found ${JSON.stringify(found)}`,
    { hint: "Merge it into its model with peft, and use the whole model" },
  );
}

function withRevision(base: string, revision: unknown): string {
  const isNamed = typeof revision === "string" && revision !== "" && parseable(base);
  return isNamed ? `${base}@${revision}` : base;
}

/** Whether a name can be one of the hub, where revisions are. */
function parseable(name: string): boolean {
  return /^[\w.-]+\/[\w.-]+$/.test(name);
}

/** Whether a field asks for anything. */
function isSet(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function listed(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === "string");
}

function positive(json: JsonObject, field: string, file: string): number {
  const value = json[field];
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
  throw badField(file, field, "a number above 0", value);
}

/** Numbers by the end of a name; a regular expression of more than names is none that is read. */
function pattern(json: JsonObject, field: string, file: string): Record<string, number> {
  const found = json[field] ?? {};
  const entries = typeof found === "object" ? Object.entries(found as JsonObject) : undefined;
  const isPlain = entries?.every(([name, value]) => {
    return /^[\w.]+$/.test(name) && typeof value === "number" && value > 0;
  });
  if (isPlain) return Object.fromEntries(entries!) as Record<string, number>;
  throw badField(file, field, "numbers above 0 by names of layers", found);
}

function badField(file: string, key: string, expected: string, found: unknown): CheckpointError {
  return new CheckpointError(
    `Cannot read field "${key}" of "${file}": expected ${expected}, found ${
      JSON.stringify(found) ?? "nothing"
    }`,
    { file, key },
  );
}
