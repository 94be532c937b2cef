/**
 * The few standard kernels of TensorFlow.js that tensors and the tape need, on WASM.
 *
 * Computes: Identity, Reshape (no copy), Cast, Add of two tensors of one shape, ZerosLike, Fill; Slice and Concat of
 *   the frames of `[B, T, C]`.
 * Buffers: inputs read; outputs written, of the input's type save for Cast.
 * Memory: one pass, no scratch.
 * Error: Add rounds once; the others are exact. Cast to int32 cuts off the fraction.
 * Reference: the operations of TensorFlow.js of the same names.
 *
 * @module
 */
import {
  Add,
  Cast,
  Concat,
  type DataType,
  Fill,
  Identity,
  Reshape,
  Slice,
  type TensorInfo,
  ZerosLike,
} from "@tensorflow/tfjs-core";
import { ShapeError, UnsupportedOpError } from "../../errors.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";
import { add } from "./add.ts";

interface One {
  x: TensorInfo;
}

interface FillAttrs {
  shape: number[];
  value: number;
  dtype?: DataType;
}

interface SliceAttrs {
  begin: number[];
  size: number[];
}

/** The kernels under the names of TensorFlow.js. */
export const STANDARD_KERNELS = {
  [Identity]: ({ x }: One, _attrs: object, backend: WasmBackend) => backend.share(x, x.shape),
  [Reshape]: ({ x }: One, { shape }: { shape: number[] }, backend: WasmBackend) =>
    backend.share(x, fillIn(shape, sizeOf(x.shape))),
  [Cast]: ({ x }: One, { dtype }: { dtype: DataType }, backend: WasmBackend) =>
    cast(backend, x, dtype),
  [Add]: ({ a, b }: Record<"a" | "b", TensorInfo>, _attrs: object, backend: WasmBackend) =>
    addAlike(backend, a, b),
  [ZerosLike]: ({ x }: One, _attrs: object, backend: WasmBackend) =>
    filled(backend, x.shape, x.dtype, 0),
  [Fill]: (_inputs: object, { shape, value, dtype = "float32" }: FillAttrs, backend: WasmBackend) =>
    filled(backend, shape, dtype, value),
  [Slice]: ({ x }: One, { begin, size }: SliceAttrs, backend: WasmBackend) =>
    slicedFrames(backend, x, { begin, size }),
  [Concat]: (parts: TensorInfo[], { axis }: { axis: number }, backend: WasmBackend) =>
    joinedFrames(backend, Object.values(parts), axis),
};

function cast(backend: WasmBackend, x: TensorInfo, dtype: DataType): TensorInfo {
  if (x.dtype === dtype) return backend.share(x, x.shape);
  if (![x.dtype, dtype].every((type) => ["float32", "int32", "bool"].includes(type))) {
    throw new UnsupportedOpError(
      `Cannot cast a tensor on WASM: expected float32, int32 or bool, found ${x.dtype} to ${dtype}`,
    );
  }
  const y = backend.output(x.shape, dtype);
  const [from, to] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(y)];
  if (dtype === "bool") to.set(from.map((value) => value === 0 ? 0 : 1));
  else to.set(from);
  return y;
}

function addAlike(backend: WasmBackend, a: TensorInfo, b: TensorInfo): TensorInfo {
  if (a.shape.length !== b.shape.length || a.shape.some((size, i) => size !== b.shape[i])) {
    throw new UnsupportedOpError(
      `Cannot add tensors on WASM: expected two of one shape, found [${a.shape}] and [${b.shape}]`,
    );
  }
  return add({ x: a, y: b }, {}, backend);
}

function filled(
  backend: WasmBackend,
  shape: readonly number[],
  dtype: DataType,
  value: number,
): TensorInfo {
  const y = backend.output(shape, dtype);
  backend.typedArrayFromHeap(y).fill(value);
  return y;
}

function slicedFrames(
  backend: WasmBackend,
  x: TensorInfo,
  { begin, size }: SliceAttrs,
): TensorInfo {
  const [batch = 0, frames = 0, channels = 0] = x.shape;
  const lengths = size.map((length, i) => length === -1 ? x.shape[i]! - begin[i]! : length);
  const [from = 0, count = 0] = [begin[1], lengths[1]];
  const isOfFrames = x.shape.length === 3 && lengths[0] === batch && lengths[2] === channels;
  if (!isOfFrames) {
    throw new UnsupportedOpError(
      `Cannot slice a tensor on WASM: expected frames of [B, T, C], found [${lengths}] of [${x.shape}]`,
    );
  }
  const y = backend.output([batch, count, channels], x.dtype);
  const [source, target] = [backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(y)];
  for (let clip = 0; clip < batch; clip++) {
    const start = (clip * frames + from) * channels;
    target.set(source.subarray(start, start + count * channels), clip * count * channels);
  }
  return y;
}

function joinedFrames(backend: WasmBackend, parts: TensorInfo[], axis: number): TensorInfo {
  const [batch = 0, , channels = 0] = parts[0]!.shape;
  if (axis !== 1 || parts.some(({ shape }) => shape.length !== 3 || shape[2] !== channels)) {
    throw new UnsupportedOpError(
      `Cannot join tensors on WASM: expected frames of [B, T, C], found axis ${axis} of ` +
        parts.map(({ shape }) => `[${shape}]`).join(", "),
    );
  }
  const frames = parts.reduce((sum, { shape }) => sum + shape[1]!, 0);
  const y = backend.output([batch, frames, channels], parts[0]!.dtype);
  const target = backend.typedArrayFromHeap(y);
  let done = 0;
  for (const part of parts) {
    const source = backend.typedArrayFromHeap(part);
    const size = part.shape[1]! * channels;
    for (let clip = 0; clip < batch; clip++) {
      const start = (clip * frames + done) * channels;
      target.set(source.subarray(clip * size, (clip + 1) * size), start);
    }
    done += part.shape[1]!;
  }
  return y;
}

/** The shape with its one unknown length, -1, computed. */
function fillIn(shape: readonly number[], size: number): number[] {
  const known = sizeOf(shape.filter((length) => length !== -1));
  const full = shape.map((length) => length === -1 ? size / known : length);
  if (sizeOf(full) === size) return full;
  throw new ShapeError(
    `Cannot reshape a tensor: expected a shape of ${size} elements, found [${shape}]`,
  );
}
