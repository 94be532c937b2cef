/**
 * Weights packed in f16: rounded once, laid out as the products read them.
 *
 * Computes: `result[o, k, c] = f16(weight[o, c, k])` for a weight `[O, C / G, K]` of `conv1d`, or `[O, I]` with one tap.
 * Buffers: weight f32; result f16, up to four bytes in full.
 * Grid: one thread per number.
 * Memory: two bytes a number.
 * Error: 2^-11 of a number, or 2^-10 where the device cuts off; above 65,504 infinity.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";
import type { Packed, WeightLayout, WeightPacking, WeightUse } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, sizeOf, u32 } from "./_program.ts";

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

/** What packs weights on WebGPU: into f16 where the device was started with that; rows serve best where not. */
export const PACKING: WeightPacking<DeviceBackend> = { pack };

function pack(
  weight: TensorInfo,
  { groups }: Required<WeightUse>,
  backend: DeviceBackend,
): Packed<TensorInfo> | undefined {
  if (!backend.f16) return undefined;
  const { shape } = weight;
  return { layout: { form: "halves", shape, groups }, values: narrowed(backend, weight) };
}

/**
 * Whether a kernel finds its weight in f16; it is f32 in rows otherwise.
 *
 * @throws {UnsupportedOpError} when the weight was packed for another device.
 */
export function isHalf(layout: WeightLayout | undefined): boolean {
  if (!layout || layout.form === "halves") return layout !== undefined;
  throw new UnsupportedOpError(
    `Cannot use a weight [${layout.shape}] on WebGPU: expected rows or halves, found ${layout.form}`,
    { hint: "Prepare it again on this device" },
  );
}

/** A new tensor with as many bytes as the numbers of a weight need in f16, and these in them. */
function narrowed(backend: DeviceBackend, weight: TensorInfo): TensorInfo {
  const [, channels = 1, taps = 1] = weight.shape;
  const size = sizeOf(weight.shape);
  return runElements(backend, NARROWED, {
    config: {},
    inputs: { weight },
    uniforms: { channels: u32(channels), taps: u32(taps) },
    shape: [Math.ceil(size / 2)],
    size,
    halves: ["result"],
  });
}
