/**
 * Programs in which one workgroup works on one row, a vector of the last axis.
 *
 * Grid: one workgroup per row, of 64 threads for short rows and 256 for long ones; each thread takes
 * every 64th or 256th column. Memory: one number per thread, for the sums over a row.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "./_backend.ts";
import { spread } from "./_elements.ts";
import { type Program, type ProgramRun, runProgram, u32 } from "./_program.ts";
import { workgroupReduction } from "./_wgsl.ts";

/** Rows up to this long are shared among fewer threads. */
const SHORT_ROW_COLUMNS = 256;

/** What the text of a row program depends on. */
export type RowConfig = { threads: number };

/** What one run of a row program takes. */
export interface RowsRun extends
  Omit<
    ProgramRun<RowConfig>,
    "config" | "workgroups" | "threads" | "uniforms"
  > {
  rows: number;
  columns: number;
  uniforms?: ProgramRun<RowConfig>["uniforms"];
}

/**
 * Text of a row program: the body knows `row`, `start` (position of its first element) and `inside`, false
 * in workgroups past the last row, which may read but not write.
 *
 * {@linkcode eachColumn} makes its loops; `sumWorkgroup` and `maxWorkgroup` may be called between them.
 */
export function rowsText({ threads }: RowConfig, body: string, declarations = ""): string {
  return `
    ${declarations}
    ${workgroupReduction(threads)}
    const THREADS = ${threads}u;
    fn main() {
      let group = workgroupId.y * numWorkgroups.x + workgroupId.x;
      let inside = group < uniforms.rows;
      let row = min(group, uniforms.rows - 1u);
      let start = row * uniforms.columns;
      ${body}
    }`;
}

/** A loop over the columns of this thread; the statement knows `column`. */
export function eachColumn(statement: string): string {
  return `
      for (var column = localIndex; column < uniforms.columns; column += THREADS) {
        ${statement}
      }`;
}

/** Runs a program made by {@linkcode rowsText}. */
export function runRows(
  backend: DeviceBackend,
  program: Program<RowConfig>,
  { rows, columns, ...run }: RowsRun,
): TensorInfo {
  const threads = columns <= SHORT_ROW_COLUMNS ? 64 : 256;
  return runProgram(backend, program, {
    ...run,
    config: { threads },
    uniforms: { rows: u32(rows), columns: u32(columns), ...run.uniforms },
    workgroups: spread(backend, rows),
    threads: [threads, 1, 1],
  });
}
