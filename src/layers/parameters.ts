/**
 * Named parameters, and the reader that fills them from a checkpoint or from random numbers.
 *
 * A model asks for each tensor by its hub name and expected shape, once, in one place; whether the value
 * comes from a file or is drawn is the reader's affair. What was asked for and not there, and what
 * was there and not asked for, is reported together when loading ends.
 *
 * @module
 */
import { reshape, type Tensor, tensor, tidy, variable } from "@tensorflow/tfjs-core";
import { CheckpointError, ShapeError } from "../errors.ts";
import { adoptWeight, type HeldWeight } from "../kernels.ts";
import type { Random } from "../random.ts";
import type { Variable } from "./tensor.ts";

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
}

/** What sets a parameter apart from the numbers that training changes. */
export interface ParameterKind {
  /** Whether the optimiser changes it. @default true */
  trainable?: boolean;
  /** How it is held and stored. @default "float32" */
  dtype?: "float32" | "int32";
}

/** Gives parameters by path: `reader.at("encoder", "layers", 0).get("weight", [D, D], init)`. */
export class ParameterReader {
  /** All parameters given so far, under their full hub names, in the order of asking. */
  readonly parameters: Map<string, Variable>;
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
    { trainable = true, dtype = "float32" }: ParameterKind = {},
  ): Promise<Variable> {
    const spellings = (typeof names === "string" ? [names] : names).map((name) => this.#full(name));
    const name = spellings[0]!;
    const found = this.#find(spellings);
    const read = found ? await this.#read(name, found, { shape, dtype }) : this.#missing(name);
    const first = read ?? tensor(this.#draw(name, shape, init), shape, dtype);
    const parameter = variable(first, trainable);
    first.dispose();
    this.parameters.set(name, parameter);
    return parameter;
  }

  /** What was missing, misshapen and left over; call it when everything has been asked for. */
  report(): LoadReport {
    const { missing, mismatched, used } = this.#report;
    const names = [...this.#options.source?.names() ?? []];
    return { missing, mismatched, unexpected: names.filter((name) => !used.has(name)) };
  }

  #full(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
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
    this.#report.used.add(found);
    if (stored.length === shape.length && stored.every((size, i) => size === shape[i])) {
      if (source.form?.(found)) return await adopted(source, found, shape);
      if (dtype === "float32") expectReal(source, found);
      return tensor(await source.read(found), shape, dtype);
    }
    if (this.#options.ignoreMismatchedSizes) {
      this.#report.mismatched.push(name);
      return undefined;
    }
    throw loadError(source, found, `shape [${shape}], found [${stored}]`);
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

  #missing(name: string): undefined {
    if (this.#options.source) this.#report.missing.push(name);
    return undefined;
  }
}

/** The tensor in the form that the file holds it in, or the device's own. */
async function adopted(source: ParameterSource, name: string, shape: number[]): Promise<Tensor> {
  const held = await source.readHeld!(name);
  try {
    return tidy(() => reshape(adoptWeight(held), shape));
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    const { file } = source;
    const hint = "Export the model again";
    const message = `Cannot load tensor "${name}" of "${file}": ${cause.message}`;
    throw new CheckpointError(message, { file, key: name, hint, cause });
  }
}

function expectReal(source: ParameterSource, name: string): void {
  const dtype = source.dtype?.(name);
  if (dtype === undefined || REAL_DTYPES.includes(dtype)) return;
  throw loadError(source, name, `one of ${REAL_DTYPES.join(", ")}, found ${dtype}`);
}

function loadError(source: ParameterSource, key: string, fault: string): CheckpointError {
  const { file } = source;
  return new CheckpointError(`Cannot load tensor "${key}" of "${file}": expected ${fault}`, {
    file,
    key,
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
