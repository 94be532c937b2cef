/**
 * An ONNX graph while it grows: nodes, constants, and the sizes that are known when it runs.
 *
 * Source: the ONNX specification, `docs/IR.md`, `docs/Operators.md` and `onnx/onnx.proto` of version 1.17, operators of
 * set 17.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import { isFixed, isSameSize, type Size } from "./_sizes.ts";
import {
  bytes,
  float,
  int,
  type LateBytes,
  lateBytes,
  type Message,
  message,
  nested,
} from "./_protobuf.ts";

/** The operators that nodes use are those of this version. */
const OPERATOR_SET = 17;
const IR_VERSION = 8;

/** Types of numbers, by the names of ONNX. */
const DATA_TYPES = { float: 1, uint8: 2, int8: 3, int64: 7 } as const;

/** The type of a tensor's numbers. */
export type DataType = keyof typeof DATA_TYPES;

/** What a node knows besides its inputs: whole numbers, numbers of single precision, or a list of whole numbers. */
export type Attributes = Readonly<Record<string, number | { float: number } | readonly number[]>>;

/** An input or output of the graph: a size that has a name is free. */
export interface Port {
  name: string;
  shape: readonly (number | string)[];
}

interface Node {
  operator: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Attributes;
}

interface Initializer {
  dataType: DataType;
  shape: readonly number[];
  values: LateBytes;
}

/** Nodes in order, and what they read. */
export class Graph {
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Initializer>();
  /** Tensors whose sizes can be asked for while the graph runs, in order. */
  readonly #sized: { name: string; shape: readonly Size[] }[] = [];
  readonly #sizes = new Map<string, string>();
  #count = 0;

  /** Adds a node with one output, and gives the output's name. */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.nodes(operator, inputs, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. */
  nodes(
    operator: string,
    inputs: readonly string[],
    count: number,
    attributes: Attributes = {},
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.#name(operator.toLowerCase()));
    this.#nodes.push({ operator, inputs, outputs, attributes });
    return outputs;
  }

  /** Gives a tensor another name, as an output of the graph. */
  rename(from: string, to: string): void {
    this.#nodes.push({ operator: "Identity", inputs: [from], outputs: [to], attributes: {} });
  }

  /** A constant whose bytes are read when they are written. */
  constant(
    name: string | undefined,
    dataType: DataType,
    shape: readonly number[],
    values: LateBytes,
  ): string {
    const own = name !== undefined && !this.#initializers.has(name) ? name : this.#name("constant");
    this.#initializers.set(own, { dataType, shape, values });
    return own;
  }

  /** A number of single precision; of shape `[]`. */
  scalar(value: number): string {
    const name = `float ${value}`;
    if (!this.#initializers.has(name)) {
      this.constant(name, "float", [], held(Float32Array.of(value)));
    }
    return name;
  }

  /** A whole number; of shape `[]`. */
  int(value: number): string {
    const name = `int ${value}`;
    const number = BigInt64Array.of(BigInt(value));
    if (!this.#initializers.has(name)) this.constant(name, "int64", [], held(number));
    return name;
  }

  /** A list of whole numbers; of shape `[n]`. */
  ints(values: readonly number[]): string {
    const name = `ints ${values}`;
    const numbers = BigInt64Array.from(values, BigInt);
    if (!this.#initializers.has(name)) this.constant(name, "int64", [values.length], held(numbers));
    return name;
  }

  /** Lets the sizes of a tensor be asked for from here on. */
  knows(name: string, shape: readonly Size[]): void {
    this.#sized.push({ name, shape });
  }

  /**
   * A size as a list of one whole number, known when the graph runs.
   *
   * @throws {UnsupportedOpError} when it follows from no size that is known.
   */
  size(size: Size): string {
    if (isFixed(size)) return this.ints([size[0]!]);
    const key = size.join();
    const found = this.#sizes.get(key) ?? this.#axis(size) ?? this.#derived(size);
    if (found === undefined) {
      throw new UnsupportedOpError(
        `Cannot write a graph: expected a size that follows from the input's, found ${key} in its traces`,
      );
    }
    this.#sizes.set(key, found);
    return found;
  }

  /** A list of sizes. */
  shape(sizes: readonly Size[]): string {
    if (sizes.every(isFixed)) return this.ints(sizes.map(([size]) => size!));
    return this.node("Concat", sizes.map((size) => this.size(size)), { axis: 0 });
  }

  /** The size of an axis that has it. */
  #axis(size: Size): string | undefined {
    for (const { name, shape } of this.#sized.toReversed()) {
      const axis = shape.findIndex((other) => isSameSize(other, size));
      if (axis !== -1) return this.node("Shape", [name], { start: axis, end: axis + 1 });
    }
  }

  /** `2 n - 1`, a multiple of n, how often a number fits into n, or its last multiple there, for an axis of n. */
  #derived(size: Size): string | undefined {
    for (const { shape } of this.#sized.toReversed()) {
      for (const axis of shape.filter((axis) => !isFixed(axis))) {
        if (axis.every((length, i) => 2 * length - 1 === size[i])) {
          const twice = this.node("Mul", [this.size(axis), this.ints([2])]);
          return this.node("Sub", [twice, this.ints([1])]);
        }
        for (let factor = 2; factor <= 64; factor++) {
          if (isSameSize(axis.map((length) => length * factor), size)) {
            return this.node("Mul", [this.size(axis), this.ints([factor])]);
          }
          const fewer = axis.map((length) => Math.floor(length / factor));
          const isFewer = isSameSize(fewer, size);
          if (!isFewer && !isSameSize(fewer.map((length) => length * factor), size)) continue;
          const divided = this.node("Div", [this.size(axis), this.ints([factor])]);
          return isFewer ? divided : this.node("Mul", [divided, this.ints([factor])]);
        }
      }
    }
  }

  #name(hint: string): string {
    return `${hint}_${this.#count++}`;
  }

  /** The model's file; nodes and constants that no output needs are left out. */
  toModel(
    { inputs, outputs, producer, metadata }: {
      inputs: readonly Port[];
      outputs: readonly Port[];
      producer: { name: string; version: string };
      metadata: Readonly<Record<string, string>>;
    },
  ): Message {
    const needed = new Set(outputs.map(({ name }) => name));
    const nodes: Node[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((name) => needed.has(name))) continue;
      for (const name of node.inputs) needed.add(name);
      nodes.unshift(node);
    }
    const constants = Array.from(this.#initializers).filter(([name]) => needed.has(name));
    const graph = message([
      ...nodes.map((node) => nested(1, nodeMessage(node))),
      bytes(2, "earshot"),
      ...constants.map(([name, constant]) => nested(5, tensorMessage(name, constant))),
      ...inputs.map((port) => nested(11, portMessage(port))),
      ...outputs.map((port) => nested(12, portMessage(port))),
    ]);
    return message([
      int(1, IR_VERSION),
      bytes(2, producer.name),
      bytes(3, producer.version),
      nested(7, graph),
      nested(8, message([bytes(1, ""), int(2, OPERATOR_SET)])),
      ...Object.entries(metadata).map(([key, value]) =>
        nested(14, message([bytes(1, key), bytes(2, value)]))
      ),
    ]);
  }
}

/** Values that are there, as bytes. */
export function held(values: Float32Array | BigInt64Array | Int8Array | Uint8Array): LateBytes {
  const { buffer, byteOffset, byteLength } = values;
  return { byteLength, read: () => new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength) };
}

function nodeMessage({ operator, inputs, outputs, attributes }: Node): Message {
  return message([
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(3, `${operator} ${outputs[0]}`),
    bytes(4, operator),
    ...Object.entries(attributes).map(([name, value]) => nested(5, attributeMessage(name, value))),
  ]);
}

function attributeMessage(name: string, value: Attributes[string]): Message {
  const [FLOAT, INT, INTS] = [1, 2, 7];
  if (typeof value === "number") return message([bytes(1, name), int(3, value), int(20, INT)]);
  if ("float" in value) return message([bytes(1, name), float(2, value.float), int(20, FLOAT)]);
  return message([bytes(1, name), ...value.map((one) => int(8, one)), int(20, INTS)]);
}

function tensorMessage(name: string, { dataType, shape, values }: Initializer): Message {
  return message([
    ...shape.map((size) => int(1, size)),
    int(2, DATA_TYPES[dataType]),
    bytes(8, name),
    lateBytes(9, values),
  ]);
}

function portMessage({ name, shape }: Port): Message {
  const sizes = shape.map((size) =>
    nested(1, typeof size === "number" ? int(1, size) : bytes(2, size))
  );
  const tensor = message([int(1, DATA_TYPES.float), nested(2, message(sizes))]);
  return message([bytes(1, name), nested(2, message([nested(1, tensor)]))]);
}
