/**
 * Plain products with weights of seven bits and rows of eight.
 *
 * Reference of `linear` and `conv1d` with a weight held as `"int8-panels"`: bytes and scales as the device
 * makes them, in single precision, for they are part of the answer; the sums and all that follows in double.
 *
 * @module
 */
import { type Conv1dAttrs, type LinearAttrs, packWeight, unpackWeight } from "../../src/kernels.ts";
import { activate } from "./activation.ts";
import { conv1d } from "./conv1d.ts";
import { map, type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** Steps of a convolution with groups whose rows have one scale. */
const BLOCK_STEPS = 40;

/** Steps of a row on each side of 0. */
const ROW_STEPS = 127;

/** The weight as it comes back from its bytes. */
function roundedWeight(weight: NdArray): NdArray {
  const held = packWeight(Float32Array.from(weight.values), weight.shape, { form: "int8-panels" });
  return { shape: weight.shape, values: Float64Array.from(unpackWeight(held)) };
}

/** Each vector of the last axis as it comes back from its bytes: `scale * byte`; what 127 stands for may be given. */
function roundedRows(x: NdArray, largestAt?: (row: number) => number): NdArray {
  const { rows, columns } = rowsOf(x);
  const y = zeros(x.shape);
  for (let row = 0; row < rows; row++) {
    const from = x.values.subarray(row * columns, (row + 1) * columns);
    const largest = largestAt?.(row) ?? largestOf(from);
    const scale = Math.fround(largest / ROW_STEPS);
    const steps = largest === 0 ? 0 : Math.fround(Math.min(ROW_STEPS / largest, LARGEST_FLOAT));
    from.forEach((value, i) => {
      y.values[row * columns + i] = scale * nearestEven(Math.fround(value * steps));
    });
  }
  return y;
}

function largestOf(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

const LARGEST_FLOAT = 3.4028234663852886e38;

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const isHalf = value - below === 0.5;
  return isHalf ? below + Math.abs(below % 2) : Math.round(value);
}

/** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]` */
export function linearInt8(
  inputs: { x: NdArray; weight: NdArray; bias?: NdArray; residual?: NdArray },
  attrs: Pick<LinearAttrs, "activation">,
): NdArray {
  const { x, weight, bias, residual } = inputs;
  const [rounded, b] = [roundedRows(x), roundedWeight(weight)];
  const { rows, columns: width } = rowsOf(x);
  const outputs = weight.shape[0]!;
  const y = zeros([...x.shape.slice(0, -1), outputs]);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let i = 0; i < width; i++) {
        sum += rounded.values[row * width + i]! * b.values[o * width + i]!;
      }
      const at = row * outputs + o;
      const value = sum + (bias?.values[o] ?? 0);
      y.values[at] = activate(value, attrs.activation) + (residual?.values[at] ?? 0);
    }
  }
  return y;
}

/** The frames under the kernel at each step, with zeros where there are none: `x [B, T, C]` -> `[B, T', K, C]` */
function windows(x: NdArray, width: number, { stride, padLeft, padRight }: Conv1dAttrs): NdArray {
  const [batch, frames, channels] = x.shape as [number, number, number];
  const steps = Math.floor((frames + padLeft + padRight - width) / stride) + 1;
  const shape = [batch, steps, width, channels];
  return map(zeros(shape), (_, at) => {
    const channel = at % channels;
    const tap = Math.floor(at / channels) % width;
    const step = Math.floor(at / (channels * width));
    const frame = (step % steps) * stride + tap - padLeft;
    if (frame < 0 || frame >= frames) return 0;
    return x.values[(Math.floor(step / steps) * frames + frame) * channels + channel]!;
  });
}

/** `x [B, T, C]`, `weight [O, C / groups, K]`, `bias [O]` -> `[B, T', O]`; the frames under the kernel are one row, by group. */
export function conv1dInt8(
  { x, weight, bias }: { x: NdArray; weight: NdArray; bias?: NdArray },
  attrs: Conv1dAttrs,
): NdArray {
  const [width, groups] = [weight.shape[2]!, attrs.groups];
  const under = windows(x, width, attrs);
  const [batch, steps, , channels] = under.shape as [number, number, number, number];
  const size = channels / groups;
  // A row of a group: [B, T', G, K, C / G], and back
  const byGroup = (at: number) => {
    const channel = at % size;
    const tap = Math.floor(at / size) % width;
    const group = Math.floor(at / (size * width)) % groups;
    const step = Math.floor(at / (size * width * groups));
    return (step * width + tap) * channels + group * size + channel;
  };
  const shape = [batch, steps, groups, width * size];
  // All frames from the first to the last under the steps of a block count, those between two kernels too.
  const largestAt = (row: number) => {
    const [clip, step, group] = [
      Math.floor(row / groups / steps),
      Math.floor(row / groups) % steps,
      row % groups,
    ];
    const first = step - step % BLOCK_STEPS;
    const last = Math.min(first + BLOCK_STEPS, steps) - 1;
    let most = 0;
    for (let at = first * attrs.stride; at < last * attrs.stride + width; at++) {
      const frame = at - attrs.padLeft;
      if (frame < 0 || frame >= x.shape[1]!) continue;
      const from = (clip * x.shape[1]! + frame) * channels + group * size;
      most = Math.max(most, largestOf(x.values.subarray(from, from + size)));
    }
    return most;
  };
  const numbers = map(zeros(shape), (_, at) => under.values[byGroup(at)]!);
  const rows = roundedRows(numbers, groups > 1 ? largestAt : undefined);
  // Every step by itself: as many frames as the kernel is wide, one step long.
  const apart = zeros([batch, steps * width, channels]);
  rows.values.forEach((value, at) => apart.values[byGroup(at)] = value);
  const plain: Conv1dAttrs = { ...attrs, stride: width, padLeft: 0, padRight: 0 };
  return conv1d({ x: apart, weight: roundedWeight(weight), bias }, plain);
}
