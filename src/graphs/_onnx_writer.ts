/**
 * Writes a pass into a graph, call by call.
 *
 * @module
 */
import type { DataId } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../errors.ts";
import { changed, fixedShape, growingConstant, transposed, valuesOf } from "./_onnx_constants.ts";
import { Graph, held } from "./_onnx_graph.ts";
import { OPERATORS } from "./_onnx_operators.ts";
import type { JoinedCall, Size, Value } from "./_sizes.ts";

/** How a tensor is divided into heads. */
interface Division {
  heads: number;
  size: number;
  /** The order of the axes batch, frame, head and channel. */
  order: readonly number[];
}

/** Writes calls, and knows the names of what they made. */
export class Writer {
  /** What is written into. */
  readonly graph: Graph = new Graph();
  readonly #names = new Map<number, string>();
  /** What is there as `[B, C, T]` too, by the name of it as `[B, T, C]`. */
  readonly #channelsFirst = new Map<string, string>();
  readonly #narrow = new Map<string, string[]>();
  readonly #parameters: ReadonlyMap<DataId, string>;
  readonly #isNarrow: (name: string) => boolean;

  /**
   * @param parameters the names of the model's parameters.
   * @param isNarrow whether a product with the parameter of a name is one of 8 bits.
   */
  constructor(
    parameters: ReadonlyMap<DataId, string>,
    isNarrow: (name: string) => boolean,
  ) {
    this.#parameters = parameters;
    this.#isNarrow = isNarrow;
  }

  /** Gives a tensor its name. */
  names(value: Value, name: string): void {
    this.#names.set(value.id, name);
    this.graph.knows(name, value.shape);
  }

  /** Writes a call. */
  call({ name, inputs, attrs, outputs }: JoinedCall): void {
    const [output] = outputs as [Value];
    const given = name === "layerSum" ? Object.values(inputs) : inputs;
    const write = OPERATORS[name] as (...args: unknown[]) => string;
    this.names(output, write(this, given, attrs[0], output, attrs));
  }

  /** The name of a tensor; a constant gets one when it is asked for. */
  nameOf(value: Value): string {
    const known = this.#names.get(value.id);
    if (known !== undefined) return known;
    if (!value.constants) this.refuse("a tensor that no call has made");
    const shape = fixedShape(value);
    const name = shape
      ? this.graph.constant(
        this.#hubName(value),
        "float",
        shape,
        changed(value, (values) => values),
      )
      : growingConstant(this.graph, value);
    this.#names.set(value.id, name);
    return name;
  }

  /** A node with one output and no attributes. */
  node(operator: string, ...inputs: (string | Value)[]): string {
    const names = inputs.map((input) => typeof input === "string" ? input : this.nameOf(input));
    return this.graph.node(operator, names);
  }

  /** A number; of shape `[]`. */
  scalar(value: number): string {
    return this.graph.scalar(value);
  }

  /** A constant that is there. */
  held(shape: readonly number[], values: Float32Array): string {
    return this.graph.constant(undefined, "float", shape, held(values));
  }

  /** `x [..., I]`, `weight [O, I]` -> `[..., O]` */
  product(x: Value, weight: Value): string {
    if (!weight.constants) {
      return this.node(
        "MatMul",
        x,
        this.graph.node("Transpose", [this.nameOf(weight)], { perm: [1, 0] }),
      );
    }
    const [outputs, inputs] = fixedShape(weight) as [number, number];
    const hubName = this.#hubName(weight);
    if (hubName !== undefined && this.#isNarrow(hubName)) return this.#narrowProduct(x, weight);
    const turned = changed(weight, (values) => transposed(values, outputs));
    const name = hubName && `${hubName} transposed`;
    return this.node("MatMul", x, this.graph.constant(name, "float", [inputs, outputs], turned));
  }

  /** The same in 8 bits: the input scaled as it comes, each output of the weight by its largest number. */
  #narrowProduct(x: Value, weight: Value): string {
    const [outputs, inputs] = fixedShape(weight) as [number, number];
    const name = this.nameOf(x);
    const narrowed = this.#narrow.get(name) ??
      this.graph.nodes("DynamicQuantizeLinear", [name], 3);
    this.#narrow.set(name, narrowed);
    const [bytes, scale, zero] = narrowed as [string, string, string];
    const rounded = async () => roundedColumns(Float32Array.from(await valuesOf(weight)), outputs);
    const hubName = this.#hubName(weight)!;
    const weightBytes = this.graph.constant(`${hubName} in 8 bits`, "int8", [inputs, outputs], {
      byteLength: inputs * outputs,
      read: async () => new Uint8Array((await rounded()).bytes.buffer as ArrayBuffer),
    });
    const scales = this.graph.constant(`${hubName} scales`, "float", [outputs], {
      byteLength: 4 * outputs,
      read: async () => new Uint8Array((await rounded()).scales.buffer as ArrayBuffer),
    });
    const sums = this.graph.node("MatMulInteger", [bytes, weightBytes, zero]);
    const numbers = this.graph.node("Cast", [sums], { to: 1 });
    return this.node("Mul", numbers, this.node("Mul", scale, scales));
  }

  /** A tensor as `[B, C, T]`. */
  channelsFirst(x: Value): string {
    const name = this.nameOf(x);
    const known = this.#channelsFirst.get(name) ??
      this.graph.node("Transpose", [name], { perm: [0, 2, 1] });
    this.#channelsFirst.set(name, known);
    return known;
  }

  /** A tensor that is there as `[B, C, T]`, as `[B, T, C]`. */
  channelsLast(first: string): string {
    const name = this.graph.node("Transpose", [first], { perm: [0, 2, 1] });
    this.#channelsFirst.set(name, first);
    return name;
  }

  /** `[B, T, D]` -> `[B, T, H, D / H]` with its axes in an order */
  split(x: string, { heads, size, order }: Division): string {
    const shape = this.graph.ints([0, 0, heads, size / heads]);
    return this.graph.node("Transpose", [this.graph.node("Reshape", [x, shape])], { perm: order });
  }

  /** `[B, H, T, D / H]` -> `[B, T, D]` */
  join(x: string, size: number): string {
    const turned = this.graph.node("Transpose", [x], { perm: [0, 2, 1, 3] });
    return this.graph.node("Reshape", [turned, this.graph.ints([0, 0, size])]);
  }

  /** `index[j - i + T - 1]` for query i and key j, or the other way round. **Shape** `index [2 T - 1]` -> `[T, T]` */
  distanceRows(index: Value, frames: Size, isTurned: boolean): string {
    const { graph } = this;
    const count = graph.size(frames);
    const [zero, one] = [graph.int(0), graph.int(1)];
    const end = graph.node("Squeeze", [count, graph.ints([0])]);
    const places = graph.node("Range", [zero, end, one]);
    const [rows, columns] = [[1], [0]].map((axes) => {
      return graph.node("Unsqueeze", [places, graph.ints(axes)]);
    });
    const [query, key] = isTurned ? [columns!, rows!] : [rows!, columns!];
    const fromZero = graph.node("Add", [
      graph.node("Sub", [key, query]),
      graph.node("Sub", [count, graph.ints([1])]),
    ]);
    return graph.node("Gather", [this.nameOf(index), fromZero], { axis: 0 });
  }

  /** Throws for what a graph cannot hold. */
  refuse(what: string): never {
    throw new UnsupportedOpError(`Cannot write a graph: expected none of these, found ${what}`);
  }

  #hubName({ constants }: Value): string | undefined {
    return this.#parameters.get(constants![0]!.dataId);
  }
}

/** `[O, I]` -> `[I, O]` in 8 bits, and the scale of each output */
function roundedColumns(
  values: Float32Array,
  outputs: number,
): { bytes: Int8Array; scales: Float32Array } {
  const inputs = values.length / outputs;
  const scales = Float32Array.from({ length: outputs }, (_, row) => {
    const largest = values.subarray(row * inputs, (row + 1) * inputs)
      .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return largest === 0 ? 1 : largest / 127;
  });
  const bytes = new Int8Array(values.length);
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < inputs; column++) {
      bytes[column * outputs + row] = Math.round(values[row * inputs + column]! / scales[row]!);
    }
  }
  return { bytes, scales };
}
