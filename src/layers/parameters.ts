/**
 * Named parameters, and the reader that fills them from a checkpoint or from random numbers.
 *
 * A model asks for each tensor by its hub name and expected shape, once, in one place; whether the value
 * comes from a file or is drawn is the reader's affair. What was asked for and not there, and what
 * was there and not asked for, is reported together when loading ends.
 *
 * @module
 */
import { reshape, tensor, tidy, variable } from "@tensorflow/tfjs-core";
import { CheckpointError, ShapeError } from "../errors.ts";
import {
  activation,
  add,
  adoptWeight,
  disposeWeight,
  type HeldWeight,
  isPacked,
  prepareWeight,
  scale,
  scaleChannels,
  unpackWeight,
  type Weight,
  weightNorm,
  type WeightPrecision,
} from "../kernels.ts";
import type { Random } from "../random.ts";
import type { Tensor, Variable } from "./tensor.ts";

/** Where tensors come from: the part of a checkpoint file that loading needs. */
export interface ParameterSource {
  /** For messages. */
  readonly file: string;
  /** The names of all tensors. */
  names(): Iterable<string>;
  /** The shape of a tensor, or undefined where there is none of that name. */
  shape(name: string): readonly number[] | undefined;
  /** How a tensor's numbers are stored, in the words of safetensors; unknown where left out. */
  dtype?(name: string): string | undefined;
  /** The values in row-major order. */
  read(name: string): Promise<Float32Array>;
  /** A tensor of the device in use, where the source is a model in memory; it stays the source's. */
  tensor?(name: string): Tensor | undefined;
  /** The device's form that a tensor lies in; absent or undefined where it is plain numbers. */
  form?(name: string): HeldWeight["form"] | undefined;
  /** A tensor that lies in such a form. */
  readHeld?(name: string): Promise<HeldWeight>;
}

/** What numbers that training changes may be stored as: integers would be those of a quantised model. */
const REAL_DTYPES = ["F64", "F32", "F16", "BF16"];

/** Most numbers that a checkpoint may lack, so that a config alone cannot make a model that fills the memory. */
const MAX_LACKING = 2 ** 26;

/** Draws the first values of a parameter. */
export type Initializer = (sizeElements: number, random: Random) => Float32Array;

/** Every element drawn from N(0, std^2). */
export function normal(std: number): Initializer {
  return (size, random) => Float32Array.from({ length: size }, () => std * random.normal());
}

/** Every element drawn uniformly from [low, high). */
export function uniform(low: number, high: number): Initializer {
  return (size, random) =>
    Float32Array.from({ length: size }, () => low + (high - low) * random.uniform());
}

/** Every element the same. */
export function constant(value: number): Initializer {
  return (size) => new Float32Array(size).fill(value);
}

/** What loading found, by name. */
export interface LoadReport {
  /** Asked for, not in the checkpoint: initialised with random numbers. */
  missing: string[];
  /** In the checkpoint under another shape: initialised with random numbers. */
  mismatched: string[];
  /** In the checkpoint, not asked for: left out. */
  unexpected: string[];
}

/** How a {@linkcode ParameterReader} resolves names and gaps. */
export interface ParameterReaderOptions {
  /** The checkpoint; without one everything is initialised. */
  source?: ParameterSource;
  /** Prefix of the base model ("wav2vec2"), which checkpoints of the bare encoder leave out. */
  basePrefix: string;
  /** Prefix ("model") that checkpoints of a larger model put before the base model's. */
  outerPrefix?: string;
  /** For what is not in the checkpoint. */
  random: Random;
  /** Whether a tensor of another shape is initialised instead of refused. @default false */
  ignoreMismatchedSizes?: boolean;
  /** What the caller can do about a tensor of another shape. @default nothing */
  mismatchHint?: string;
  /** Lays weights out for a model that will not change, in the precision given by name. @default they can be trained */
  prepare?: (name: string) => WeightPrecision;
}

/** How a weight is used. */
export interface WeightOptions {
  /** Channel groups of its convolution. @default 1 */
  groups?: number;
  /** The shape in which it multiplies. @default its own */
  usedAs?: number[];
}

/** The two parts of a weight that is stored as a gain and a direction for each kernel tap. */
export interface GainAndDirection {
  /** The gain of each tap, `[1, 1, K]`. */
  g: Variable;
  /** The direction, `[O, I, K]`. */
  v: Variable;
}

/** What a parameter is asked for by. */
export interface ParameterRequest {
  /** The hub name relative to the reader's path; further names are older spellings of it. */
  names: string | [string, ...string[]];
  /** The length of each axis. */
  shape: number[];
  /** Draws the first values of one that the checkpoint lacks. */
  init: Initializer;
}

/** What sets a parameter apart from the numbers that training changes. */
export interface ParameterKind {
  /** Whether the optimiser changes it. @default true */
  trainable?: boolean;
  /** How it is held and stored. @default "float32" */
  dtype?: "float32" | "int32";
  /** Whether a checkpoint may lack it. @default false */
  optional?: boolean;
}

/** Gives parameters by path: `reader.at("encoder", "layers", 0).get("weight", [D, D], init)`. */
export class ParameterReader {
  /** All parameters given so far that can change, under their full hub names, in the order of asking. */
  readonly parameters: Map<string, Variable>;
  /** All that was given so far, in the order of asking: the parameters, and weights that were laid out. */
  readonly weights: Map<string, Weight>;
  /** The names in the checkpoint of what was read from it, by full hub name. */
  readonly found: Map<string, string>;
  #options: ParameterReaderOptions;
  #path: string;
  #report: { missing: string[]; mismatched: string[]; used: Set<string>; lackingSize: number };

  /**
   * Starts at the root of the names.
   *
   * @param options the checkpoint and what to do about gaps.
   */
  constructor(options: ParameterReaderOptions, parent?: ParameterReader, path = "") {
    this.#options = options;
    this.#path = path;
    this.parameters = parent?.parameters ?? new Map();
    this.weights = parent?.weights ?? new Map();
    this.found = parent?.found ?? new Map();
    this.#report = parent
      ? parent.#report
      : { missing: [], mismatched: [], used: new Set(), lackingSize: 0 };
  }

  /** The reader of a deeper path. */
  at(...path: (string | number)[]): ParameterReader {
    const deeper = [this.#path, ...path].filter((part) => part !== "").join(".");
    return new ParameterReader(this.#options, this, deeper);
  }

  /**
   * The parameter of this name, from the checkpoint or initialised.
   *
   * @param names the hub name relative to this path; further names are older spellings of it.
   * @param options `trainable`: whether the optimiser may change it. @default true; `dtype`: int32 for
   * whole numbers, which checkpoints hold in 64 bits. @default "float32"
   * @throws {CheckpointError} when the checkpoint holds it in another shape or as integers, or lacks too much.
   */
  async get(
    names: string | [string, ...string[]],
    shape: number[],
    init: Initializer,
    { trainable = true, dtype = "float32", optional = false }: ParameterKind = {},
  ): Promise<Variable> {
    const { name, first } = await this.#first({ names, shape, init }, { dtype, optional });
    const parameter = variable(first, trainable);
    first.dispose();
    this.parameters.set(name, parameter);
    this.weights.set(name, parameter);
    return parameter;
  }

  /**
   * The weight of a linear map or a convolution: a parameter or, for a model that will not change, laid out by the device.
   *
   * @param names the hub name relative to this path.
   * @throws {CheckpointError} as for {@linkcode ParameterReader.get}.
   */
  async weight(
    names: string | [string, ...string[]],
    shape: number[],
    init: Initializer,
    { groups, usedAs = shape }: WeightOptions = {},
  ): Promise<Weight> {
    const { prepare } = this.#options;
    if (!prepare) return await this.get(names, shape, init);
    const { name, held, file } = await this.#held(names);
    const use = { groups, precision: prepare(name) };
    const weight = held
      ? adopted(held, use, { name, file })
      : preparedRows((await this.#first({ names, shape, init })).first, usedAs, use);
    this.weights.set(name, weight);
    return weight;
  }

  /** Whether weights are laid out for a model that will not change. */
  get isPrepared(): boolean {
    return this.#options.prepare !== undefined;
  }

  /**
   * A weight for a model that will not change, whose outputs are multiplied by a factor each. One that the checkpoint
   * holds in a device's form was multiplied when it was laid out.
   *
   * @param usedAs the shape in which it multiplies; without one it is a plain tensor of its own shape.
   * @throws {CheckpointError} as for {@linkcode ParameterReader.get}.
   */
  async scaledWeight(
    request: ParameterRequest,
    factors: Float32Array,
    usedAs?: number[],
  ): Promise<Weight> {
    const { name, held, file } = await this.#held(request.names);
    const use = { precision: this.#options.prepare!(name) };
    if (held && usedAs) {
      const weight = adopted(held, use, { name, file });
      this.weights.set(name, weight);
      return weight;
    }
    const { first } = await this.#first(request);
    const rows = scaledRows(first, factors);
    const weight = usedAs ? preparedRows(rows, usedAs, use) : rows;
    this.weights.set(name, weight);
    return weight;
  }

  /**
   * The weight of a convolution that is stored as a gain and a direction for each kernel tap: both or, for a model
   * that will not change, what they multiply to.
   *
   * What was laid out is saved as its own direction, with gains above 0: the two mean the same.
   *
   * @throws {CheckpointError} as for {@linkcode ParameterReader.get}.
   */
  async normalisedWeight(
    direction: ParameterRequest,
    gain: ParameterRequest,
    { groups }: WeightOptions,
  ): Promise<GainAndDirection | Weight> {
    const { prepare } = this.#options;
    if (!prepare) {
      const v = await this.get(direction.names, direction.shape, direction.init);
      return { v, g: await this.get(gain.names, gain.shape, gain.init) };
    }
    const { name, held, file } = await this.#held(direction.names);
    const use = { groups, precision: prepare(name) };
    // What a file holds is good until the next tensor is read.
    const v = held ? adopted(held, use, { name, file }) : (await this.#first(direction)).first;
    const g = await this.#first(gain);
    const weight = isPacked(v) ? v : preparedRows(weightNorm(g.first, v), direction.shape, use);
    if (weight !== v) disposeWeight(v);
    this.weights.set(name, weight);
    this.weights.set(g.name, absolute(g.first));
    g.first.dispose();
    return weight;
  }

  /** The value of a parameter, from the checkpoint or drawn, under its full name. */
  async #first(
    { names, shape, init }: ParameterRequest,
    { dtype = "float32", optional = false }: ParameterKind = {},
  ): Promise<{ name: string; first: Tensor }> {
    const spellings = this.#spellings(names);
    const name = spellings[0]!;
    const found = this.#find(spellings);
    if (!found && !optional) this.#missing(name);
    const read = found ? await this.#read(name, found, { shape, dtype }) : undefined;
    return { name, first: read ?? tensor(this.#draw(name, shape, init), shape, dtype) };
  }

  /** A weight that the checkpoint holds in a device's form; without one only its full name. */
  async #held(
    names: string | [string, ...string[]],
  ): Promise<{ name: string; held?: HeldWeight; file: string }> {
    const spellings = this.#spellings(names);
    const name = spellings[0]!;
    const { source } = this.#options;
    const found = this.#find(spellings);
    const file = source?.file ?? "";
    if (!found || !source?.form?.(found)) return { name, file };
    this.#use(name, found);
    return { name, held: await source.readHeld!(found), file };
  }

  /** What was missing, misshapen and left over; call it when everything has been asked for. */
  report(): LoadReport {
    const { missing, mismatched, used } = this.#report;
    const names = [...this.#options.source?.names() ?? []];
    return { missing, mismatched, unexpected: names.filter((name) => !used.has(name)) };
  }

  #spellings(names: string | [string, ...string[]]): [string, ...string[]] {
    const full = (name: string) => this.#path === "" ? name : `${this.#path}.${name}`;
    const [first, ...others] = typeof names === "string" ? [names] : names;
    return [full(first), ...others.map(full)];
  }

  #find(names: string[]): string | undefined {
    const { source, basePrefix, outerPrefix } = this.#options;
    if (!source) return undefined;
    const ofBase = names.filter((name) => name.startsWith(`${basePrefix}.`));
    const bare = ofBase.map((name) => name.slice(basePrefix.length + 1));
    const inner = outerPrefix ? ofBase.map((name) => `${outerPrefix}.${name}`) : [];
    return [...names, ...bare, ...inner].find((name) => source.shape(name) !== undefined);
  }

  async #read(
    name: string,
    found: string,
    { shape, dtype }: { shape: number[]; dtype: ParameterKind["dtype"] },
  ): Promise<Tensor | undefined> {
    const source = this.#options.source!;
    const stored = source.shape(found)!;
    this.#use(name, found);
    if (stored.length === shape.length && stored.every((size, i) => size === shape[i])) {
      const own = source.tensor?.(found);
      if (own) return own.clone();
      if (source.form?.(found)) return await unpacked(source, found, shape);
      if (dtype === "float32") expectReal(source, found);
      return tensor(await source.read(found), shape, dtype);
    }
    if (this.#options.ignoreMismatchedSizes) {
      this.#report.mismatched.push(name);
      return undefined;
    }
    throw loadError(
      source,
      found,
      `shape [${shape}], found [${stored}]`,
      this.#options.mismatchHint,
    );
  }

  /** First values, of which a checkpoint leaves only so many to be drawn. */
  #draw(name: string, shape: number[], init: Initializer): Float32Array {
    const { source, random } = this.#options;
    const size = shape.reduce((product, axis) => product * axis, 1);
    this.#report.lackingSize += size;
    if (source && this.#report.lackingSize > MAX_LACKING) {
      const fault = `at most ${MAX_LACKING} numbers missing, found ${this.#report.lackingSize}`;
      throw loadError(source, name, fault);
    }
    return init(size, random);
  }

  #use(name: string, found: string): void {
    this.#report.used.add(found);
    this.found.set(name, found);
  }

  #missing(name: string): void {
    if (this.#options.source) this.#report.missing.push(name);
  }
}

/** The plain numbers of a tensor that the file holds in a device's form. */
async function unpacked(source: ParameterSource, name: string, shape: number[]): Promise<Tensor> {
  const held = await source.readHeld!(name);
  return whereHeld({ name, file: source.file }, () => tensor(unpackWeight(held), shape));
}

/** A weight in the form that the file holds it in, or the device's own. */
function adopted(
  held: HeldWeight,
  use: { groups?: number; precision: WeightPrecision },
  where: { name: string; file: string },
): Weight {
  return whereHeld(where, () => adoptWeight(held, use));
}

/** Runs a body whose faults are those of an exported tensor. */
function whereHeld<Result>(
  { name, file }: { name: string; file: string },
  body: () => Result,
): Result {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    const hint = "Export the model again";
    const message = `Cannot load tensor "${name}" of "${file}": ${cause.message}`;
    throw new CheckpointError(message, { file, key: name, hint, cause });
  }
}

/** A weight laid out by the device; its rows are disposed. */
function preparedRows(
  first: Tensor,
  usedAs: number[],
  use: { groups?: number; precision: WeightPrecision },
): Weight {
  const rows = reshape(first, usedAs);
  first.dispose();
  const weight = prepareWeight(rows, use);
  rows.dispose();
  return weight;
}

/** Each output times its factor; what was given is disposed. */
function scaledRows(weight: Tensor, factors: Float32Array): Tensor {
  const outputs = factors.length;
  const scaled = tidy(() => {
    const rows = reshape(weight, [outputs, weight.size / outputs, 1]);
    return reshape(scaleChannels(rows, tensor(factors, [outputs, 1])), weight.shape);
  });
  weight.dispose();
  return scaled;
}

function absolute(x: Tensor): Tensor {
  return tidy(() => add(activation(x, "relu"), activation(scale(x, -1), "relu")));
}

function expectReal(source: ParameterSource, name: string): void {
  const dtype = source.dtype?.(name);
  if (dtype === undefined || REAL_DTYPES.includes(dtype)) return;
  throw loadError(source, name, `one of ${REAL_DTYPES.join(", ")}, found ${dtype}`);
}

function loadError(
  source: ParameterSource,
  key: string,
  fault: string,
  hint?: string,
): CheckpointError {
  const { file } = source;
  return new CheckpointError(`Cannot load tensor "${key}" of "${file}": expected ${fault}`, {
    file,
    key,
    hint,
  });
}

/** A tensor to save, read back from the device when it is asked for. */
export interface StoredTensor {
  /** Its hub name. */
  name: string;
  /** How it is stored. */
  dtype: "F32" | "F16" | "I64";
  /** The length of each axis. */
  shape: readonly number[];
  /** Reads the numbers, in row-major order. */
  values(): Promise<Float32Array | Int32Array>;
}

/** How real numbers are saved, in the words of `config.json`. */
export type SavedDtype = "float32" | "float16";

/** A tensor of the device, to be saved under a name: int32 as PyTorch's 64 bits. */
export function storedTensor(
  name: string,
  values: Tensor,
  dtype: SavedDtype = "float32",
): StoredTensor {
  const real = dtype === "float16" ? "F16" : "F32";
  return {
    name,
    dtype: values.dtype === "int32" ? "I64" : real,
    shape: values.shape,
    values: () => values.data() as Promise<Float32Array | Int32Array>,
  };
}
