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
import type { KernelConfig } from "@tensorflow/tfjs-core";
import { kernel, sizeOf } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";

/** `EarshotColumnSum`. */
export const columnSumKernels: KernelConfig[] = [
  kernel("EarshotColumnSum", (backend, { x }) => {
    const columns = x!.shape.at(-1)!;
    const rows = sizeOf(x!.shape) / columns;
    return { ...sumPlain(backend, x!, { batch: 1, rows, columns }), shape: [columns] };
  }),
];
