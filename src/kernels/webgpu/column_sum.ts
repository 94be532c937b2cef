/**
 * Sum over all axes but the last: the gradient of a bias.
 *
 * Computes: `y[c] = sum over the others of x[..., c]`.
 * Buffers: x [..., C], result [C] f32, x read.
 * Grid, Memory and Error: as in `_row_sum.ts`.
 * Reference: test/reference/column_sum.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { sizeOf } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";

/** The sum of every column. */
export function columnSum(
  { x }: KernelInputs<"columnSum">,
  _attrs: KernelAttrs<"columnSum">,
  backend: DeviceBackend,
): TensorInfo {
  const columns = x.shape.at(-1)!;
  const rows = sizeOf(x.shape) / columns;
  return { ...sumPlain(backend, x, { batch: 1, rows, columns }), shape: [columns] };
}
