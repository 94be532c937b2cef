/**
 * A convolution over time, normalised over all frames of each channel, on WASM: without the frames in between.
 *
 * Computes: `y = activation((c - mean(c)) / sqrt(variance(c) + eps) gamma + beta)` with `c` the convolution of `x`. What an
 *   output is made of are the numbers under the kernel, so that its mean and variance over time follow from their means and
 *   from the sums of their products with one another. Gain and offset go into the weight and the bias of a product.
 * Buffers: `x [B, T, C]`, `weight [O, C, K]`, `gamma`, `beta [O]` float32, read; `y [B, T', O]`, written.
 * Memory: one pass over the outputs; the weight once more, and sums of K C (K C + 1) products in double precision.
 * Error: that of `gemm.ts`, by `gamma / deviation`; the statistics are exact to 1e-15 of the mean square.
 * Reference: `test/reference/conv1d.ts` and `test/reference/group_norm.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { WasmBackend } from "./_backend.ts";
import { gemm, gemmScratchBytes, scratchAreas } from "./_gemm.ts";
import { weightPanels } from "./_weights.ts";

const FLOAT_BYTES = 4;
const DOUBLE_BYTES = 8;
/** Columns of a panel. */
const PANEL = 8;
/** Products worth another thread. */
const GRAIN_PRODUCTS = 65536;

export function normedConv1d(
  { x, weight, gamma, beta }: KernelInputs<"normedConv1d">,
  { stride, eps, activation, frames: wanted, layout }: KernelAttrs<"normedConv1d">,
  backend: WasmBackend,
): TensorInfo {
  const [outputs = 0, channels = 0, width = 0] = (layout ?? weight).shape;
  const [batch = 0, frames = 0] = x.shape;
  const steps = Math.floor((frames - width) / stride) + 1;
  const depth = channels * width;
  const [first, last] = wanted ?? [0, steps];
  const rows = last - first;
  const y = backend.output([batch, rows, outputs]);
  const held = weightPanels(backend, { weight, groups: 1, layout });
  if (held.int8) {
    throw new TypeError("Cannot run a kernel: expected a weight of float32, found int8");
  }
  const panels = Math.ceil(outputs / PANEL);
  const [packed, scaled, offsets, sums, scratch] = scratchAreas(
    backend,
    held.scratchBytes,
    panels * PANEL * depth * FLOAT_BYTES,
    panels * PANEL * FLOAT_BYTES,
    depth * (depth + 1) * DOUBLE_BYTES,
    gemmScratchBytes(backend),
  ) as [number, number, number, number, number];
  const from = held.pack(packed);
  const aRow = stride * channels * FLOAT_BYTES;
  for (let clip = 0; clip < batch; clip++) {
    const a = backend.address(x) + clip * frames * channels * FLOAT_BYTES;
    const grain = Math.ceil(GRAIN_PRODUCTS / (steps * depth));
    backend.dispatch("sumProducts", depth, [a, aRow, steps, depth, sums], grain);
    backend.dispatch("foldNorm", panels, [
      ...[from, sums, steps, depth, outputs],
      ...[backend.address(gamma), backend.address(beta), eps, scaled, offsets],
    ], Math.ceil(GRAIN_PRODUCTS / (PANEL * depth * depth)));
    gemm(backend, {
      ...{ a: a + first * aRow, aRow, depth, packed: scaled, bias: offsets, activation },
      ...{ c: backend.address(y) + clip * rows * outputs * FLOAT_BYTES },
      ...{ cRow: outputs * FLOAT_BYTES, rows, columns: outputs },
    }, scratch);
  }
  return y;
}
