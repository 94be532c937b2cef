/**
 * Sums over rows: `result[batch, column] = sum over row of expression`, for inputs seen as `[batch, row, column]`.
 *
 * Grid: a workgroup of 32 columns by 8 lanes takes 32 columns of a slice of at most 512 rows of one
 * batch; several slices are summed by a second run over their sums. Memory: 1 KiB, one pass.
 * Error: no chain of additions is longer than 64 + 8, so 1e-6 of the largest partial sum.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "./_backend.ts";
import {
  type Program,
  type ProgramConfig,
  type ProgramRun,
  release,
  runProgram,
  u32,
} from "./_program.ts";

const TILE_COLUMNS = 32;
const LANES = 8;
const SLICE_ROWS = 512;

/** The sizes of what is summed. */
export interface RowSumSizes {
  batch: number;
  rows: number;
  columns: number;
}

/** What one run of a row sum takes. */
export type RowSumRun<Config extends ProgramConfig> =
  & Omit<
    ProgramRun<Config>,
    "shape" | "workgroups" | "threads" | "uniforms"
  >
  & RowSumSizes
  & { uniforms?: ProgramRun<Config>["uniforms"] };

/** Text of a row sum; the expression knows `i` (flat position), `batch`, `row` and `column`. */
export function rowSum(expression: string): string {
  return `
    var<workgroup> partial: array<f32, ${TILE_COLUMNS * LANES}>;
    fn main() {
      let batch = workgroupId.z;
      let column = workgroupId.x * ${TILE_COLUMNS}u + localId.x;
      let firstRow = workgroupId.y * ${SLICE_ROWS}u;
      let endRow = min(firstRow + ${SLICE_ROWS}u, uniforms.rows);
      var sum = 0.0;
      if (column < uniforms.columns) {
        for (var row = firstRow + localId.y; row < endRow; row += ${LANES}u) {
          let i = (batch * uniforms.rows + row) * uniforms.columns + column;
          sum += ${expression};
        }
      }
      partial[localIndex] = sum;
      workgroupBarrier();
      if (localId.y == 0u && column < uniforms.columns) {
        var whole = 0.0;
        for (var lane = 0u; lane < ${LANES}u; lane++) {
          whole += partial[lane * ${TILE_COLUMNS}u + localId.x];
        }
        result[(batch * numWorkgroups.y + workgroupId.y) * uniforms.columns + column] = whole;
      }
    }`;
}

/** The sums of a tensor `x` as it is. */
const PLAIN_SUM: Program<Record<never, never>> = {
  name: "PlainSum",
  source: () => rowSum("x[i]"),
};

/** Runs a program made by {@linkcode rowSum} -> `[batch, columns]` */
export function sumRows<Config extends ProgramConfig>(
  backend: DeviceBackend,
  program: Program<Config>,
  run: RowSumRun<Config>,
): TensorInfo {
  const { batch, rows, columns } = run;
  const slices = Math.ceil(rows / SLICE_ROWS);
  const sums = runProgram(backend, program, {
    config: run.config,
    inputs: run.inputs,
    uniforms: { rows: u32(rows), columns: u32(columns), ...run.uniforms },
    shape: slices === 1 ? [batch, columns] : [batch, slices, columns],
    workgroups: [Math.ceil(columns / TILE_COLUMNS), slices, batch],
    threads: [TILE_COLUMNS, LANES, 1],
  });
  if (slices === 1) return sums;
  const whole = sumPlain(backend, sums, { batch, rows: slices, columns });
  release(backend, sums);
  return whole;
}

/** `x [batch, rows, columns]` -> `[batch, columns]` */
export function sumPlain(
  backend: DeviceBackend,
  x: TensorInfo,
  sizes: RowSumSizes,
): TensorInfo {
  return sumRows(backend, PLAIN_SUM, { config: {}, inputs: { x }, ...sizes });
}
