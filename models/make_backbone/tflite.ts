/**
 * Models of TensorFlow Lite: what the file holds, and how to compute it, as far as the two teachers take it.
 *
 * A file is a flat buffer: tables whose fields lie at offsets of a list before them. Weights of 8 bits become 32-bit
 * numbers when they are read. Convolutions are products of our own kernels over rows of pixels; all else is plain code.
 * A graph may be given more rows than it was made for: where its convolutions do not pad them, the answer is what it
 * would be at each place.
 *
 * Source: the schema of TensorFlow Lite, version 3.
 *
 * @module
 */
import { tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { linear } from "../../src/kernels.ts";

/** A tensor of the file; `values` are there where it is a constant. */
interface FileTensor {
  shape: number[];
  values?: Float32Array;
}

/** A step of the graph. */
interface Operator {
  code: number;
  inputs: number[];
  output: number;
  options: Fields | undefined;
}

/** A model as its file describes it. */
export interface TfliteModel {
  tensors: FileTensor[];
  operators: Operator[];
}

/** Images of one size. Shape: `[batch, height, width, channels]`. */
export interface Images {
  shape: [batch: number, height: number, width: number, channels: number];
  values: Float32Array;
}

/** The operations that there are, under the schema's numbers. */
export const OPERATORS = {
  convolution: 3,
  depthwise: 4,
  dequantize: 6,
  fullyConnected: 9,
  logistic: 14,
  maxPool: 17,
  pad: 34,
  mean: 40,
  maximum: 55,
  leakyRelu: 98,
} as const;

const RELU = 1;
const FLOAT32 = 0;
const INT32 = 2;
const INT8 = 9;

/** The fields of a table; one that is not there has its default. */
class Fields {
  constructor(readonly view: DataView, readonly table: number) {}

  /** Where a field lies; undefined where the table has none of that number. */
  place(field: number): number | undefined {
    const layout = this.table - this.view.getInt32(this.table, true);
    const at = 4 + 2 * field;
    if (at >= this.view.getUint16(layout, true)) return undefined;
    const offset = this.view.getUint16(layout + at, true);
    return offset === 0 ? undefined : this.table + offset;
  }

  integer(field: number, bytes: 1 | 4): number {
    const at = this.place(field);
    if (at === undefined) return 0;
    return bytes === 1 ? this.view.getInt8(at) : this.view.getInt32(at, true);
  }

  float(field: number): number {
    const at = this.place(field);
    return at === undefined ? 0 : this.view.getFloat32(at, true);
  }

  child(field: number): Fields | undefined {
    const at = this.place(field);
    return at === undefined ? undefined : new Fields(this.view, this.#target(at));
  }

  /** Where the elements of a list begin, and their number. */
  list(field: number): { at: number; length: number } {
    const place = this.place(field);
    if (place === undefined) return { at: 0, length: 0 };
    const at = this.#target(place);
    return { at: at + 4, length: this.view.getUint32(at, true) };
  }

  children(field: number): Fields[] {
    const { at, length } = this.list(field);
    return Array.from({ length }, (_, i) => new Fields(this.view, this.#target(at + 4 * i)));
  }

  integers(field: number): number[] {
    const { at, length } = this.list(field);
    return Array.from({ length }, (_, i) => this.view.getInt32(at + 4 * i, true));
  }

  #target(at: number): number {
    return at + this.view.getUint32(at, true);
  }
}

/**
 * Reads a `.tflite` file.
 *
 * @throws {SyntaxError} where the bytes are no such file.
 */
export function parseTflite(bytes: Uint8Array, file: string): TfliteModel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || new TextDecoder().decode(bytes.subarray(4, 8)) !== "TFL3") {
    throw new SyntaxError(`Cannot read "${file}": expected a model of TensorFlow Lite, found none`);
  }
  const root = new Fields(view, view.getUint32(0, true));
  const codes = root.children(1).map((code) => Math.max(code.integer(0, 1), code.integer(3, 4)));
  const buffers = root.children(4).map((buffer) => buffer.list(0));
  const [graph] = root.children(2);
  return {
    tensors: graph!.children(0).map((fields) => ({
      shape: fields.integers(0),
      values: constant(fields, buffers[fields.integer(2, 4)]!, bytes),
    })),
    operators: graph!.children(3).map((fields) => ({
      code: codes[fields.integer(0, 4)]!,
      inputs: fields.integers(1),
      output: fields.integers(2)[0]!,
      options: fields.child(4),
    })),
  };
}

function constant(
  fields: Fields,
  { at, length }: { at: number; length: number },
  bytes: Uint8Array,
): Float32Array | undefined {
  if (length === 0) return undefined;
  const own = bytes.slice(at, at + length);
  const type = fields.integer(1, 1);
  if (type === FLOAT32) return new Float32Array(own.buffer);
  if (type === INT32) return Float32Array.from(new Int32Array(own.buffer));
  if (type !== INT8) return undefined;
  const scales = fields.child(4)!.list(2);
  const scale = fields.view.getFloat32(scales.at, true);
  return Float32Array.from(new Int8Array(own.buffer), (value) => value * scale);
}

/**
 * Computes a graph from the operation that takes the tensor `from`.
 *
 * @param keep operations whose results are wanted.
 * @returns the results in the order of the graph.
 */
export function evaluate(
  { tensors, operators }: TfliteModel,
  input: Images,
  { from, keep }: { from: number; keep: readonly number[] },
): Images[] {
  const made = new Map<number, Images>([[from, input]]);
  const kept: Images[] = [];
  const constantOf = (tensor: number): FileTensor => {
    const source = operators.find(({ code, output }) =>
      code === OPERATORS.dequantize && output === tensor
    );
    return tensors[source ? source.inputs[0]! : tensor]!;
  };
  for (const operator of operators) {
    const x = made.get(operator.inputs[0]!);
    if (!x) continue;
    const others = operator.inputs.slice(1).map(constantOf);
    const y = compute(operator, x, others);
    made.delete(operator.inputs[0]!);
    made.set(operator.output, y);
    if (keep.includes(operator.code)) kept.push(y);
  }
  return kept;
}

function compute({ code, options }: Operator, x: Images, others: FileTensor[]): Images {
  const [first, second] = others;
  switch (code) {
    case OPERATORS.convolution: {
      return convolve(x, first!, second!.values!, {
        isSame: options!.integer(0, 1) === 0,
        stride: options!.integer(1, 4),
        isRelu: options!.integer(3, 1) === RELU,
      });
    }
    case OPERATORS.depthwise: {
      return depthwise(x, first!, second!.values!, {
        stride: options!.integer(1, 4),
        isRelu: options!.integer(4, 1) === RELU,
      });
    }
    case OPERATORS.fullyConnected:
      return pixels(x, first!.values!, second!.values!, { outputs: first!.shape[0]! });
    case OPERATORS.maxPool:
      return maxPool(x, [options!.integer(4, 4), options!.integer(3, 4)]);
    case OPERATORS.mean:
      return spatialMean(x);
    case OPERATORS.pad:
      return padWidth(x, first!.values![4]!);
    case OPERATORS.leakyRelu:
      return leakyRelu(x, options!.float(0));
    case OPERATORS.maximum:
      return maximum(x, first!.values![0]!);
    case OPERATORS.logistic:
      return { ...x, values: x.values.map((value) => 1 / (1 + Math.exp(-value))) };
    default:
      throw new RangeError(
        `Cannot compute a graph: expected an operation known here, found ${code}`,
      );
  }
}

/** In place: nothing else takes these numbers. */
function leakyRelu(x: Images, slope: number): Images {
  const { values } = x;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < 0) values[i] = slope * value;
  }
  return x;
}

function maximum(x: Images, least: number): Images {
  const { values } = x;
  for (let i = 0; i < values.length; i++) if (values[i]! < least) values[i] = least;
  return x;
}

/** A linear map of each pixel. */
function pixels(
  { shape: [batch, height, width, channels], values }: Images,
  weight: Float32Array,
  bias: Float32Array,
  { outputs, isRelu = false }: { outputs: number; isRelu?: boolean },
): Images {
  const rows = tidy(() => {
    const x = tensor2d(values, [values.length / channels, channels]);
    const map = tensor2d(weight, [outputs, channels]);
    const shift = tensor1d(bias);
    return linear(x, map, { bias: shift, activation: isRelu ? "relu" : "none" });
  });
  const out = rows.dataSync() as Float32Array;
  rows.dispose();
  return { shape: [batch, height, width, outputs], values: out };
}

/** Zeros before an axis that is padded to keep its size, over the stride. */
function before(size: number, kernel: number, stride: number): number {
  const out = Math.ceil(size / stride);
  return Math.floor(Math.max((out - 1) * stride + kernel - size, 0) / 2);
}

function convolve(
  x: Images,
  { shape: [outputs, tall, wide], values: weight }: FileTensor,
  bias: Float32Array,
  { isSame, stride, isRelu }: { isSame: boolean; stride: number; isRelu: boolean },
): Images {
  if (tall === 1 && wide === 1 && stride === 1) {
    return pixels(x, weight!, bias, { outputs: outputs!, isRelu });
  }
  return pixels(
    neighbourhoods(x, [tall!, wide!], { isSame, stride }),
    weight!,
    bias,
    { outputs: outputs!, isRelu },
  );
}

/** The pixels that a kernel sees at each place, one after the other. */
function neighbourhoods(
  { shape: [batch, height, width, channels], values }: Images,
  [tall, wide]: [number, number],
  { isSame, stride }: { isSame: boolean; stride: number },
): Images {
  const places = (size: number, kernel: number) =>
    isSame ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;
  const [rows, columns] = [places(height, tall), places(width, wide)];
  const top = isSame ? before(height, tall, stride) : 0;
  const left = isSame ? before(width, wide, stride) : 0;
  const size = tall * wide * channels;
  const out = new Float32Array(batch * rows * columns * size);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let i = 0; i < tall; i++) {
          const y = row * stride + i - top;
          // Neighbours in a row lie side by side.
          const [first, last] = [column * stride - left, column * stride - left + wide];
          const [begin, end] = [Math.max(first, 0), Math.min(last, width)];
          if (y >= 0 && y < height) {
            const from = ((b * height + y) * width + begin) * channels;
            const to = at + (begin - first) * channels;
            for (let c = 0; c < (end - begin) * channels; c++) out[to + c] = values[from + c]!;
          }
          at += wide * channels;
        }
      }
    }
  }
  return { shape: [batch, rows, columns, size], values: out };
}

/** A kernel of its own for each channel, padded to keep the size. */
function depthwise(
  { shape: [batch, height, width, channels], values }: Images,
  { shape: [, tall, wide], values: weight }: FileTensor,
  bias: Float32Array,
  { stride, isRelu }: { stride: number; isRelu: boolean },
): Images {
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const [top, left] = [before(height, tall!, stride), before(width, wide!, stride)];
  const out = new Float32Array(batch * rows * columns * channels);
  for (let at = 0; at < out.length; at += channels) {
    const place = at / channels;
    const column = place % columns;
    const row = Math.floor(place / columns) % rows;
    const b = Math.floor(place / (columns * rows));
    for (let c = 0; c < channels; c++) out[at + c] = bias[c]!;
    for (let i = 0; i < tall!; i++) {
      const y = row * stride + i - top;
      if (y < 0 || y >= height) continue;
      for (let j = 0; j < wide!; j++) {
        const x = column * stride + j - left;
        if (x < 0 || x >= width) continue;
        const from = ((b * height + y) * width + x) * channels;
        const tap = (i * wide! + j) * channels;
        for (let c = 0; c < channels; c++) {
          out[at + c] = out[at + c]! + weight![tap + c]! * values[from + c]!;
        }
      }
    }
    if (isRelu) { for (let c = 0; c < channels; c++) out[at + c] = Math.max(0, out[at + c]!); }
  }
  return { shape: [batch, rows, columns, channels], values: out };
}

/** The largest of each rectangle; what does not fill one is left out. */
function maxPool(
  { shape: [batch, height, width, channels], values }: Images,
  [tall, wide]: [number, number],
): Images {
  const [rows, columns] = [Math.floor(height / tall), Math.floor(width / wide)];
  const out = new Float32Array(batch * rows * columns * channels).fill(-Infinity);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at += channels) {
        for (let i = 0; i < tall * wide; i++) {
          const y = row * tall + Math.floor(i / wide);
          const from = ((b * height + y) * width + column * wide + i % wide) * channels;
          for (let c = 0; c < channels; c++) {
            if (values[from + c]! > out[at + c]!) out[at + c] = values[from + c]!;
          }
        }
      }
    }
  }
  return { shape: [batch, rows, columns, channels], values: out };
}

function spatialMean({ shape: [batch, height, width, channels], values }: Images): Images {
  const out = new Float32Array(batch * channels);
  const places = height * width;
  for (let i = 0; i < values.length; i++) {
    const b = Math.floor(i / (places * channels));
    out[b * channels + i % channels]! += values[i]! / places;
  }
  return { shape: [batch, 1, 1, channels], values: out };
}

/** Zeros on both sides of the width. */
function padWidth({ shape: [batch, height, width, channels], values }: Images, by: number): Images {
  const wide = width + 2 * by;
  const out = new Float32Array(batch * height * wide * channels);
  for (let row = 0; row < batch * height; row++) {
    const from = row * width * channels;
    out.set(values.subarray(from, from + width * channels), (row * wide + by) * channels);
  }
  return { shape: [batch, height, wide, channels], values: out };
}
