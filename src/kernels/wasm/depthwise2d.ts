/**
 * Convolution of images, each channel by itself, forward and gradients, on WASM.
 *
 * Computes: `y[i, j, c] = activation(bias[c] + sum_{k, l} weight[c, 0, k, l] x[i stride + k - padding, j stride + l - padding, c])`;
 *   the gradient of `x` is the same of `dy`, spread out by the stride with zeros between, with the kernel turned round.
 * Buffers: `x [B, H, W, C]`, `weight [C, 1, K, K]`, `bias [C]`, `dy [B, H', W', C]` float32, read; `y [B, H', W', C]`,
 *   `dx [B, H, W, C]`, `dweight [C, 1, K, K]` float32, written.
 * Memory: the weight in panels; `dy` spread out, for a stride above 1.
 * Error: 1e-6 of the sum of absolute products.
 * Reference: `test/reference/depthwise2d.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { WasmBackend } from "./_backend.ts";
import { depthwise, packTaps, tapsBytes } from "./_depthwise.ts";
import { CHUNK_FLOPS, scratchAreas } from "./_gemm.ts";

const FLOAT_BYTES = 4;

export function depthwise2d(
  { x, weight, bias }: KernelInputs<"depthwise2d">,
  { stride, padding, activation }: KernelAttrs<"depthwise2d">,
  backend: WasmBackend,
): TensorInfo {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size = weight.shape[2]!;
  const places = (length: number) => Math.floor((length + 2 * padding - size) / stride) + 1;
  const [rows, steps] = [places(height), places(width)];
  const y = backend.output([batch, rows, steps, channels]);
  const packed = backend.scratch(tapsBytes(channels, size * size));
  packTaps(backend, { weight: backend.address(weight), channels, taps: size * size, packed });
  depthwise(backend, {
    ...{ x: backend.address(x), y: backend.address(y), bias: bias ? backend.address(bias) : 0 },
    ...{ packed, batch, image: [height, width], places: [rows, steps], channels },
    ...{ kernel: [size, size], stride, padTop: padding, padLeft: padding, activation },
  });
  return y;
}

export function depthwise2dGradInput(
  { dy, weight }: KernelInputs<"depthwise2dGradInput">,
  { stride, padding, height, width }: KernelAttrs<"depthwise2dGradInput">,
  backend: WasmBackend,
): TensorInfo {
  const [batch, rows, steps, channels] = dy.shape as [number, number, number, number];
  const size = weight.shape[2]!;
  const dx = backend.output([batch, height, width, channels]);
  const image = [rows, steps].map((length) => (length - 1) * stride + 1) as [number, number];
  const isSpread = stride > 1;
  const [packed = 0, copy = 0] = scratchAreas(
    backend,
    tapsBytes(channels, size * size),
    isSpread ? batch * image[0] * image[1] * channels * FLOAT_BYTES : 0,
  );
  const taps = { weight: backend.address(weight), channels, taps: size * size, packed };
  packTaps(backend, { ...taps, isTurned: true });
  if (isSpread) spread(backend, dy, { copy, image, stride });
  const pad = size - 1 - padding;
  depthwise(backend, {
    ...{ x: isSpread ? copy : backend.address(dy), y: backend.address(dx), bias: 0, packed },
    ...{ batch, image, places: [height, width], channels, kernel: [size, size] },
    ...{ stride: 1, padTop: pad, padLeft: pad, activation: "none" },
  });
  return dx;
}

export function depthwise2dGradWeight(
  { x, dy }: KernelInputs<"depthwise2dGradWeight">,
  { stride, padding, size }: KernelAttrs<"depthwise2dGradWeight">,
  backend: WasmBackend,
): TensorInfo {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [, rows = 0, steps = 0] = dy.shape;
  const dweight = backend.output([channels, 1, size, size]);
  const tensors = [x, dy, dweight].map((tensor) => backend.address(tensor));
  const args = [...tensors, batch, height, width, rows, steps, channels, size, stride, padding];
  const units = Math.ceil(channels / 4) * size * size;
  const grain = Math.ceil(CHUNK_FLOPS / (8 * batch * rows * steps));
  backend.dispatch("depthwiseGradWeight", units, args, grain);
  return dweight;
}

/** The places of `dy`, `stride` apart, with zeros between them. */
function spread(
  backend: WasmBackend,
  dy: TensorInfo,
  { copy, image: [height, width], stride }: {
    copy: number;
    image: readonly [number, number];
    stride: number;
  },
): void {
  const [batch, rows, steps, channels] = dy.shape as [number, number, number, number];
  const from = backend.floats(backend.address(dy), batch * rows * steps * channels);
  const to = backend.floats(copy, batch * height * width * channels).fill(0);
  for (let place = 0; place < batch * rows * steps; place++) {
    const line = Math.floor(place / steps);
    const row = Math.floor(line / rows) * height + (line % rows) * stride;
    const at = (row * width + (place % steps) * stride) * channels;
    to.set(from.subarray(place * channels, (place + 1) * channels), at);
  }
}
