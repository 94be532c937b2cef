/**
 * The weights of a model with an adapter on it: merged where a layer is changed, the adapter's own where it was trained
 * whole.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import type { Architecture } from "../models/architecture.ts";
import { withChange } from "../models/lora.ts";
import { isOfNeighbours } from "../models/neighbours.ts";
import type { TensorSource } from "../weights/tensor_source.ts";
import type { AdapterConfig, AdapterDirectory } from "./adapter_directory.ts";
import { isOfHead } from "./joined_weights.ts";

/** What stands before the names of a model's layers in an adapter. */
export const PEFT_PREFIX = "base_model.model.";

/** A layer's change, by names in the adapter. */
interface Change {
  a: string;
  b: string;
  scale: number;
}

/** What an adapter has for the tensors of its model, by the names in the model's file. */
interface Parts {
  changes: Map<string, Change>;
  whole: Map<string, string>;
}

/**
 * One source of both, closed together.
 *
 * @throws {CheckpointError} where the adapter is of another model, or a tensor of it is missing or unknown.
 */
export function adaptedWeights(
  base: TensorSource,
  { config, source: adapter }: AdapterDirectory,
  architecture: Architecture,
): TensorSource {
  expectFamily(config, base, architecture);
  const known = new ModelNames(base, architecture);
  const { changes, whole } = partsOf(adapter, config, known);
  expectAllTargets(adapter, config, { known, changes });
  const shape = (name: string) => {
    const own = whole.get(name);
    if (own !== undefined) return adapter.shape(own);
    // Examples of the model as it was are none of the model as it is.
    return isOfNeighbours(name) ? undefined : base.shape(name);
  };
  const sourceOf = (name: string) => whole.has(name) ? adapter : base;
  const isOwn = (name: string) => whole.has(name) || changes.has(name);
  return {
    file: adapter.file,
    names: () => {
      const ofBase = [...base.names()].filter((name) => !isOfNeighbours(name));
      return new Set([...ofBase, ...whole.keys()]);
    },
    shape,
    dtype: (name) => isOwn(name) ? "F32" : base.dtype(name),
    origin: (name) => sourceOf(name).origin(whole.get(name) ?? name),
    read: async (name) => {
      const values = await sourceOf(name).read(whole.get(name) ?? name);
      const change = changes.get(name);
      if (!change) return values;
      const { a, b, scale } = change;
      return withChange(values, {
        ...{ a: await adapter.read(a), b: await adapter.read(b), scale },
        rank: adapter.shape(a)![0]!,
      });
    },
    close: () => {
      adapter.close();
      base.close();
    },
  };
}

/** A model's tensors by every name that an adapter may have for them. */
class ModelNames {
  readonly #files = new Map<string, string>();
  readonly #architecture: Architecture;
  readonly source: TensorSource;

  constructor(source: TensorSource, architecture: Architecture) {
    this.source = source;
    this.#architecture = architecture;
    for (const name of source.names()) {
      for (const own of this.#spellings(this.#hubName(name))) this.#files.set(own, name);
    }
  }

  /** The name in the model's file of what an adapter calls by a name; undefined where the model has no such tensor. */
  fileName(name: string): string | undefined {
    const { basePrefix } = this.#architecture;
    return this.#files.get(name) ?? this.#files.get(`${basePrefix}.${name}`) ??
      (isOfHead(name) ? name : undefined);
  }

  /** Weights of transformer layers whose name ends with one of these, and what adapters call their layers. */
  *layers(ends: readonly string[]): Iterable<{ file: string; module: string }> {
    const { layersPrefix } = this.#architecture;
    for (const file of this.source.names()) {
      const hub = this.#hubName(file);
      if (!hub.startsWith(layersPrefix) || !hub.endsWith(".weight")) continue;
      const found = this.#spellings(hub).map(moduleOf)
        .find((name) => ends.some((end) => endsWith(name, end)));
      if (found !== undefined) yield { file, module: found };
    }
  }

  #hubName(name: string): string {
    const { basePrefix, outerPrefix } = this.#architecture;
    if (name.startsWith(`${basePrefix}.`) || isOfHead(name)) return name;
    if (outerPrefix !== undefined && name.startsWith(`${outerPrefix}.${basePrefix}.`)) {
      return name.slice(outerPrefix.length + 1);
    }
    return `${basePrefix}.${name}`;
  }

  /** As in checkpoints, and as in memory. */
  #spellings(name: string): string[] {
    const { moduleName } = this.#architecture;
    const dot = name.lastIndexOf(".");
    if (!moduleName || dot === -1) return [name];
    return [name, `${moduleName(name.slice(0, dot))}${name.slice(dot)}`];
  }
}

/** A name without its last part. */
function moduleOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}

/** A name ends with another, at a dot. */
function endsWith(name: string, end: string): boolean {
  return name === end || name.endsWith(`.${end}`);
}

function partsOf(adapter: TensorSource, config: AdapterConfig, known: ModelNames): Parts {
  const parts: Parts = { changes: new Map(), whole: new Map() };
  for (const key of adapter.names()) {
    if (!key.startsWith(PEFT_PREFIX)) {
      throw loadError(adapter, key, `a name after "${PEFT_PREFIX}"`);
    }
    const name = key.slice(PEFT_PREFIX.length);
    const [, module, part] = /^(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
    if (module !== undefined) {
      if (part === "A") addChange(module, { key, adapter, config, known, parts });
      else expectTensor(adapter, `${PEFT_PREFIX}${module}.lora_A.weight`);
      continue;
    }
    if (name.includes(".lora_")) throw loadError(adapter, key, "changes of linear layers alone");
    // What was trained whole is kept beside what it was before, where a config has the biases of all layers.
    if (!/\.original_module\./.test(name)) addWhole(name, { key, adapter, known, parts });
  }
  if (parts.changes.size > 0) return parts;
  const { file } = adapter;
  throw new CheckpointError(
    `Cannot load adapter "${file}": expected low-rank changes, found none`,
    {
      file,
    },
  );
}

interface Place {
  key: string;
  adapter: TensorSource;
  known: ModelNames;
  parts: Parts;
}

function addChange(
  module: string,
  { key: a, adapter, config, known, parts }: Place & { config: AdapterConfig },
): void {
  const b = `${PEFT_PREFIX}${module}.lora_B.weight`;
  expectTensor(adapter, b);
  const file = known.fileName(`${module}.weight`);
  const weight = file === undefined ? undefined : known.source.shape(file);
  if (file === undefined || !weight) throw unknownLayer(adapter, a, { config, known, module });
  const rank = valueFor(module, config.rankPattern) ?? config.rank;
  expectShape(adapter, a, [rank, weight[1] ?? 0]);
  expectShape(adapter, b, [weight[0]!, rank]);
  if (weight.length !== 2) throw loadError(adapter, a, "changes of linear layers alone");
  const alpha = valueFor(module, config.alphaPattern) ?? config.alpha;
  parts.changes.set(file, { a, b, scale: alpha / (config.isRootScaled ? Math.sqrt(rank) : rank) });
}

/** A tensor of a layer that was trained whole, or a bias. */
function addWhole(name: string, { key, adapter, known, parts }: Place): void {
  const plain = name.replace(/\.(base_layer|modules_to_save(\.default)?)\./, ".");
  const file = known.fileName(plain);
  if (file === undefined) {
    throw loadError(adapter, key, "a tensor of the model, found none of the name");
  }
  // A head may have other classes than that of the model.
  const shape = known.source.shape(file);
  if (shape && !/^(projector|classifier|outputlayer)\b/.test(plain)) {
    expectShape(adapter, key, shape);
  }
  parts.whole.set(file, key);
}

/** The number of the first pattern that a name ends with. */
function valueFor(name: string, pattern: Readonly<Record<string, number>>): number | undefined {
  return Object.entries(pattern).find(([end]) => endsWith(name, end))?.[1];
}

function expectTensor(adapter: TensorSource, key: string): void {
  if (!adapter.shape(key)) throw loadError(adapter, key, "one, found none");
}

function expectShape(adapter: TensorSource, key: string, shape: readonly number[]): void {
  const found = adapter.shape(key)!;
  if (found.length === shape.length && found.every((size, i) => size === shape[i])) return;
  throw loadError(adapter, key, `shape [${shape}], found [${found}]`);
}

function loadError({ file }: TensorSource, key: string, fault: string): CheckpointError {
  return new CheckpointError(`Cannot load tensor "${key}" of "${file}": expected ${fault}`, {
    file,
    key,
    hint: "Name the model that the adapter was trained on, in the version of then",
  });
}

function unknownLayer(
  adapter: TensorSource,
  key: string,
  { config, known, module }: { config: AdapterConfig; known: ModelNames; module: string },
): CheckpointError {
  const of = config.base === undefined ? "" : `; it was trained on "${config.base}"`;
  return new CheckpointError(
    `Cannot use adapter "${adapter.file}" on "${known.source.file}": expected a layer "${module}", ` +
      `found none${of}`,
    { file: adapter.file, key, hint: "Name the model that the adapter was trained on" },
  );
}

/** @throws {CheckpointError} where a class of another family was adapted. */
function expectFamily(
  { baseClass, file }: AdapterConfig,
  base: TensorSource,
  { className }: Architecture,
): void {
  const family = (name: string) => name.replace(/(For[A-Z]\w*|Model|Encoder)$/, "");
  if (baseClass === undefined || family(baseClass) === family(className)) return;
  throw new CheckpointError(
    `Cannot use adapter "${file}" on "${base.file}": expected a model of class "${baseClass}", ` +
      `found "${className}"`,
    { file, key: "auto_mapping", hint: "Name the model that the adapter was trained on" },
  );
}

/** @throws {CheckpointError} where a layer has no change that the config names, or one that was trained whole is missing. */
function expectAllTargets(
  adapter: TensorSource,
  { targets = [], whole }: AdapterConfig,
  { known, changes }: { known: ModelNames; changes: ReadonlyMap<string, Change> },
): void {
  for (const { file, module } of known.layers(targets)) {
    if (!changes.has(file)) expectTensor(adapter, `${PEFT_PREFIX}${module}.lora_A.weight`);
  }
  const names = [...adapter.names()];
  for (const module of whole) {
    const prefix = `${PEFT_PREFIX}${module}.`;
    if (isOfHead(module) && !names.some((name) => name.startsWith(prefix))) {
      expectTensor(adapter, `${prefix}weight`);
    }
  }
}
