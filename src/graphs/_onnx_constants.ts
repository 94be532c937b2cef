/**
 * The constants of a pass: parameters of the model, and tables that the pass made for the length of its input.
 *
 * @module
 */
import { type DataId, engine } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../errors.ts";
import { sizeOf } from "../kernels.ts";
import type { Graph } from "./_onnx_graph.ts";
import { held } from "./_onnx_graph.ts";
import type { LateBytes } from "./_protobuf.ts";
import { isFixed, type Size, type Value } from "./_sizes.ts";

/** Values as a tensor holds them. */
export type Numbers = Float32Array | Int32Array;

/** The lengths of the axes of a constant that is the same in all traces. */
export function fixedShape({ shape }: Value): number[] | undefined {
  return shape.every(isFixed) ? shape.map(([size]) => size!) : undefined;
}

/** The values of a constant, read from the device that holds them. */
export async function valuesOf({ constants }: Value): Promise<Numbers> {
  const [{ values, dataId }] = constants as [NonNullable<Value["constants"]>[number]];
  return values ?? await readFrom(dataId);
}

async function readFrom(dataId: DataId): Promise<Numbers> {
  const found = engine().state.tensorInfo.get(dataId)!;
  return await found.backend.read(dataId) as Numbers;
}

/** The bytes of a constant after a change of its order, made when they are written. */
export function changed(value: Value, change: (values: Float32Array) => Float32Array): LateBytes {
  return {
    byteLength: 4 * sizeOf(fixedShape(value)!),
    read: async () => {
      const values = change(Float32Array.from(await valuesOf(value)));
      return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    },
  };
}

/** `[O, I]` -> `[I, O]` */
export function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}

/**
 * A constant whose first axis grows with the input: the longest of the traces, of which shorter ones are the beginning
 * or the middle.
 *
 * @throws {UnsupportedOpError} where they are neither.
 */
export function growingConstant(graph: Graph, { shape, constants }: Value): string {
  const [lengths, ...rest] = shape as [Size, ...Size[]];
  const all = constants!.map(({ values }) => values ?? fail());
  if (!rest.every(isFixed)) fail();
  const rowSize = sizeOf(rest.map(([size]) => size!));
  const longest = all[lengths.indexOf(Math.max(...lengths))]!;
  const most = longest.length / rowSize;
  const isPart = (startOf: (length: number) => number) =>
    all.every((values, i) => isSlice(values, longest, startOf(lengths[i]!) * rowSize));
  const isInteger = longest instanceof Int32Array;
  const numbers = isInteger ? BigInt64Array.from(longest, BigInt) : Float32Array.from(longest);
  const whole = graph.constant(
    undefined,
    isInteger ? "int64" : "float",
    [most, ...rest.map(([size]) => size!)],
    held(numbers),
  );
  const length = graph.size(lengths);
  if (isPart(() => 0)) {
    return graph.node("Slice", [whole, graph.ints([0]), length, graph.ints([0])]);
  }
  if (!isPart((length) => (most - length) / 2)) fail();
  const left = graph.node("Sub", [graph.ints([most]), length]);
  const start = graph.node("Div", [left, graph.ints([2])]);
  const end = graph.node("Add", [start, length]);
  return graph.node("Slice", [whole, start, end, graph.ints([0])]);
}

function isSlice(part: Numbers, whole: Numbers, start: number): boolean {
  return Number.isInteger(start) && part.every((value, i) => whole[start + i] === value);
}

function fail(): never {
  throw new UnsupportedOpError(
    "Cannot write a graph: expected tables that are parts of the longest one, found others",
  );
}
