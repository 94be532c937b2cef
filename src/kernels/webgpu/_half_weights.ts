/**
 * Weights held in f16: rounded once, laid out as the products read them, widened again for whoever else reads them.
 *
 * Computes: `half[o, k, c] = f16(weight[o, c, k])` for a weight `[O, C / G, K]` of `conv1d`, or `[O, I]` with one tap;
 * and back.
 * Buffers: weight, result f32; half f16, up to four bytes in full.
 * Grid: one thread per number.
 * Memory: two bytes a number; the f32 buffer is destroyed when the commands that read it are handed over.
 * Error: 2^-11 of a number, or 2^-10 where the device cuts off; above 65,504 infinity. Widening is exact.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { isRecording, preparedPrecision } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, sizeOf, u32, type Uniform } from "./_program.ts";

/** How the f16 numbers of a weight lie: for each output tap after tap, of each all channels. */
export interface HalfForm {
  channels: number;
  taps: number;
}

const NARROWED: Program<Record<never, never>> = {
  name: "NarrowedWeight",
  source: () =>
    elements(
      "f16(weight[placeOf(i)])",
      `
    fn placeOf(i: u32) -> u32 {
      let channel = i % uniforms.channels;
      let row = i / uniforms.channels;
      let output = row / uniforms.taps;
      return (output * uniforms.channels + channel) * uniforms.taps + row % uniforms.taps;
    }`,
    ),
};

const WIDENED: Program<Record<never, never>> = {
  name: "WidenedWeight",
  source: () =>
    elements(
      "f32(half[placeOf(i)])",
      `
    fn placeOf(i: u32) -> u32 {
      let tap = i % uniforms.taps;
      let row = i / uniforms.taps;
      let output = row / uniforms.channels;
      return (output * uniforms.taps + tap) * uniforms.channels + row % uniforms.channels;
    }`,
    ),
};

/** The form in which `linear` and `conv1d` read a weight of a shape. */
export function halfForm([, channels = 1, taps = 1]: readonly number[]): HalfForm {
  return { channels, taps };
}

/**
 * Whether all of some weights are held as their kernel reads them, after those that are prepared were brought there.
 *
 * While a gradient is recorded nothing is rounded that was not before.
 */
export function areHalves(backend: DeviceBackend, weights: readonly TensorInfo[]): boolean {
  const others = weights.filter((weight) => !isHeld(backend, weight));
  const mayRound = backend.f16 && !isRecording() && others.every(preparedPrecision);
  if (others.length > 0 && !mayRound) return false;
  for (const weight of others) backend.holdHalf(weight, halfForm(weight.shape));
  return true;
}

function isHeld(backend: DeviceBackend, weight: TensorInfo): boolean {
  const held = backend.heldHalf(weight.dataId);
  const { channels, taps } = halfForm(weight.shape);
  return held?.taps === taps && (taps === 1 || held.channels === channels);
}

/** A new tensor with as many bytes as the numbers of a weight need in f16, and these in them. */
export function narrowed(backend: DeviceBackend, weight: TensorInfo, form: HalfForm): TensorInfo {
  const size = sizeOf(weight.shape);
  return runElements(backend, NARROWED, {
    config: {},
    inputs: { weight },
    uniforms: uniformsOf(form),
    shape: [Math.ceil(size / 2)],
    size,
    halves: ["result"],
  });
}

/** A new tensor of f32 numbers from the f16 ones of a weight. */
export function widened(backend: DeviceBackend, half: TensorInfo, form: HalfForm): TensorInfo {
  return runElements(backend, WIDENED, {
    config: {},
    inputs: { half },
    uniforms: uniformsOf(form),
    shape: half.shape,
    halves: ["half"],
  });
}

function uniformsOf({ channels, taps }: HalfForm): Record<string, Uniform> {
  return { channels: u32(channels), taps: u32(taps) };
}

/** Whether f16 has all of some numbers, to the bit. */
export function fitHalves(values: ArrayLike<number>): boolean {
  if (!("f16round" in Math)) return false;
  return Array.prototype.every.call(values, (value) => Object.is(Math.f16round(value), value));
}
