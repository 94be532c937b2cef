/**
 * Low-rank changes written as peft writes them, with `config.json` for the names of the classes, which peft does not read.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import { type StoredTensor, storedTensor } from "../layers/parameters.ts";
import type { AudioClassificationModel, JsonObject } from "../models/mod.ts";
import type { Architecture } from "../models/architecture.ts";
import { architectureOf } from "../models/registry.ts";
import { PEFT_PREFIX } from "./_adapted_weights.ts";

/** What goes into an adapter's directory. */
export interface AdapterContent {
  /** For `adapter_config.json`. */
  config: JsonObject;
  /** For `adapter_model.safetensors`. */
  tensors: StoredTensor[];
}

/**
 * The adapter of a model that is trained with low-rank changes.
 *
 * @param base the directory of the model that the changes are of, or `org/name@revision` on the hub.
 * @throws {UnsupportedOpError} where there are no such changes, or a tensor was trained that peft has no place for.
 */
export function adapterOf(model: AudioClassificationModel, base: string): AdapterContent {
  const { lora } = model;
  if (!lora) throw notWritable(base, "low-rank changes, found none", "Give `loraRank` too");
  const architecture = architectureOf(model.modelType, "the model");
  const head = [...model.parameters].filter(([name]) => !model.isOfBase(name));
  if (head.some(([name]) => name === "layer_weights")) {
    throw notWritable(
      base,
      "a head of layers, found weights of a sum, which peft has no place for",
      "Save the whole model, or train one without `use_weighted_layer_sum`",
    );
  }
  const { rank, alpha, dropout } = lora.settings;
  const [, id = base, revision = null] = /^([\w.-]+\/[\w.-]+)@(.+)$/.exec(base) ?? [];
  return {
    config: {
      alpha_pattern: {},
      auto_mapping: {
        base_model_class: architecture.className,
        parent_library: libraryOf(architecture),
      },
      base_model_name_or_path: id,
      bias: "none",
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
      lora_alpha: alpha,
      lora_dropout: dropout,
      modules_to_save: [...new Set(head.map(([name]) => name.split(".")[0]!))],
      peft_type: "LORA",
      r: rank,
      rank_pattern: {},
      revision,
      target_modules: targetModules(architecture, lora.names, [...model.parameters.keys()]),
      task_type: null,
      use_rslora: false,
    },
    tensors: [
      ...[...lora.parameters].map(([name, values]) =>
        storedTensor(peftName(architecture, name), values)
      ),
      ...head.map(([name, values]) => storedTensor(`${PEFT_PREFIX}${name}`, values)),
    ],
  };
}

function notWritable(base: string, fault: string, hint: string): UnsupportedOpError {
  return new UnsupportedOpError(`Cannot write an adapter of "${base}": expected ${fault}`, {
    hint,
  });
}

/** Where transformers has the class of a model. */
function libraryOf({ modelType }: Architecture): string {
  const name = modelType.replaceAll("-", "_");
  return `transformers.models.${name}.modeling_${name}`;
}

/** A change's name with its layer as transformers calls it in memory. */
function peftName({ moduleName }: Architecture, name: string): string {
  const [, module, part] = /^base_model\.model\.(.+)(\.lora_[AB]\.weight)$/.exec(name)!;
  return `${PEFT_PREFIX}${moduleName?.(module!) ?? module}${part}`;
}

/** The ends of the changed layers' names: the last word, or as much of the path in a layer as no other layer has. */
function targetModules(
  { layersPrefix, moduleName }: Architecture,
  changed: readonly string[],
  all: readonly string[],
): string[] {
  const pathOf = (weight: string) => {
    const module = weight.slice(0, -".weight".length);
    return moduleName?.(module) ?? module;
  };
  const others = all.filter((name) => name.endsWith(".weight") && !changed.includes(name))
    .map(pathOf);
  const targets = changed.map((name) => {
    const depth = name.slice(layersPrefix.length).split(".").length - 2;
    const words = pathOf(name).split(".");
    const ends = Array.from({ length: depth }, (_, i) => words.slice(-1 - i).join("."));
    return ends.find((end) => !others.some((other) => other.endsWith(`.${end}`))) ?? ends.at(-1)!;
  });
  return [...new Set(targets)].sort();
}
