/**
 * Normalisation of each vector of the last axis, and its gradient.
 *
 * Computes: `y = n * gamma + beta` with `n = (x - mean) / sqrt(variance + eps)` of the row; with `s = dy * gamma`,
 * `dx = (s - mean(s) - n * mean(s * n)) / sqrt(variance + eps)`; `dgamma`, `dbeta` = sums over rows of `dy * n`, `dy`.
 * Buffers: x, dy, result, dx [R, C]; gamma, beta, dgamma, dbeta [C]; partials [groups, 2, C]; f32, x, dy, gamma
 * and beta read.
 * Grid: forward one workgroup per row; backward one per group of rows, at most 128 groups, each of which sums its
 * part of dgamma and dbeta in registers; then 32 columns by 8 lanes sum the groups. 64 threads for short rows, else 256.
 * Memory: 1 KiB forward, 4 KiB backward; a thread keeps its columns of a row in registers, so x and dy are read once.
 * Error: 1e-6 of the largest |y|; for sums over rows a chain of R / 128 + 24 additions.
 * Reference: test/reference/layer_norm.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, KernelOutputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { spread } from "./_elements.ts";
import { f32, type Program, release, runForAll, runProgram, sizeOf, u32 } from "./_program.ts";
import { workgroupReduction } from "./_wgsl.ts";

/** Rows up to this long are shared among fewer threads. */
const SHORT_ROW_COLUMNS = 256;
const MOST_GROUPS = 128;
const SUM_COLUMNS = 32;
const SUM_LANES = 8;

/** Threads of a workgroup, and how many columns of a row each of them keeps. */
type RowConfig = { threads: number; kept: number };

/** A statement for each column that a thread keeps; it knows `column`, and `inRow`, false past the end. */
function eachKept({ kept, threads }: RowConfig, statement: (n: number) => string): string {
  return Array.from({ length: kept }, (_, n) => `
        {
          let column = localIndex + ${n * threads}u;
          let inRow = column < uniforms.columns;
          ${statement(n)}
        }`).join("");
}

/** Leaves `mean` and `scale`, one over the deviation, of the row at `start`, and its `normal`s in registers. */
function normalText(config: RowConfig): string {
  const { kept } = config;
  const names = Array.from({ length: kept }, (_, n) => n);
  return `
        ${names.map((n) => `var normal${n} = 0.0;`).join(" ")}
        ${eachKept(config, (n) => `if (inRow) { normal${n} = x[start + column]; }`)}
        let mean = sumWorkgroup(${names.map((n) => `normal${n}`).join(" + ")}) / width;
        ${eachKept(config, (n) => `normal${n} = select(0.0, normal${n} - mean, inRow);`)}
        let squares = sumWorkgroup(${names.map((n) => `normal${n} * normal${n}`).join(" + ")});
        let scale = 1.0 / sqrt(squares / width + uniforms.eps);
        ${names.map((n) => `normal${n} *= scale;`).join(" ")}`;
}

const FORWARD: Program<RowConfig> = {
  name: "LayerNorm",
  source: (config) => `
    ${workgroupReduction(config.threads)}
    fn main() {
      let group = workgroupId.y * numWorkgroups.x + workgroupId.x;
      let start = min(group, uniforms.rows - 1u) * uniforms.columns;
      let width = f32(uniforms.columns);
      ${normalText(config)}
      if (group < uniforms.rows) {
        ${
    eachKept(
      config,
      (n) => `if (inRow) { result[start + column] = normal${n} * gamma[column] + beta[column]; }`,
    )
  }
      }
    }`,
};

const GRADIENT: Program<RowConfig> = {
  name: "LayerNormGrad",
  source: (config) => {
    const names = Array.from({ length: config.kept }, (_, n) => n);
    const each = (statement: (n: number) => string) => eachKept(config, statement);
    return `
    ${workgroupReduction(config.threads)}
    fn main() {
      let width = f32(uniforms.columns);
      ${names.map((n) => `var along${n} = 0.0; var plain${n} = 0.0;`).join(" ")}
      for (var turn = 0u; turn < uniforms.groupRows; turn++) {
        let row = workgroupId.x * uniforms.groupRows + turn;
        let start = min(row, uniforms.rows - 1u) * uniforms.columns;
        ${normalText(config)}
        ${names.map((n) => `var slope${n} = 0.0;`).join(" ")}
        ${
      each((n) => `
          if (inRow && row < uniforms.rows) {
            let own = dy[start + column];
            along${n} += own * normal${n};
            plain${n} += own;
            slope${n} = own * gamma[column];
          }`)
    }
        let slopeMean = sumWorkgroup(${names.map((n) => `slope${n}`).join(" + ")}) / width;
        let alongMean = sumWorkgroup(${
      names.map((n) => `slope${n} * normal${n}`).join(" + ")
    }) / width;
        ${
      each((n) => `
          if (inRow && row < uniforms.rows) {
            dx[start + column] = scale * (slope${n} - slopeMean - normal${n} * alongMean);
          }`)
    }
      }
      let first = 2u * workgroupId.x * uniforms.columns;
      ${
      each((n) => `
          if (inRow) {
            partials[first + column] = along${n};
            partials[first + uniforms.columns + column] = plain${n};
          }`)
    }
    }`;
  },
};

const SUMS: Program<Record<never, never>> = {
  name: "LayerNormGradSums",
  source: () => `
    var<workgroup> lanes: array<vec2<f32>, ${SUM_COLUMNS * SUM_LANES}>;
    fn main() {
      let column = workgroupId.x * ${SUM_COLUMNS}u + localId.x;
      var sums = vec2<f32>(0.0);
      if (column < uniforms.columns) {
        for (var group = localId.y; group < uniforms.groups; group += ${SUM_LANES}u) {
          let at = 2u * group * uniforms.columns + column;
          sums += vec2<f32>(partials[at], partials[at + uniforms.columns]);
        }
      }
      lanes[localIndex] = sums;
      workgroupBarrier();
      if (localId.y == 0u && column < uniforms.columns) {
        for (var lane = 1u; lane < ${SUM_LANES}u; lane++) {
          sums += lanes[lane * ${SUM_COLUMNS}u + localId.x];
        }
        dgamma[column] = sums.x;
        dbeta[column] = sums.y;
      }
    }`,
};

/** `normal gamma + beta`. */
export function layerNorm(
  { x, gamma, beta }: KernelInputs<"layerNorm">,
  { eps }: KernelAttrs<"layerNorm">,
  backend: DeviceBackend,
): TensorInfo {
  const { rows, columns, config } = rowsOf(x);
  return runProgram(backend, FORWARD, {
    config,
    inputs: { x, gamma, beta },
    uniforms: { rows: u32(rows), columns: u32(columns), eps: f32(eps) },
    shape: x.shape,
    workgroups: spread(backend, rows),
    threads: [config.threads, 1, 1],
  });
}

/** -> `dx`, `dgamma`, `dbeta` */
export function layerNormGrad(
  { x, gamma, dy }: KernelInputs<"layerNormGrad">,
  { eps }: KernelAttrs<"layerNormGrad">,
  backend: DeviceBackend,
): KernelOutputs<"layerNormGrad"> {
  const { rows, columns, config } = rowsOf(x);
  const groupRows = Math.ceil(rows / MOST_GROUPS);
  const groups = Math.ceil(rows / groupRows);
  const { dx, partials } = runForAll(backend, GRADIENT, {
    config,
    inputs: { x, gamma, dy },
    uniforms: {
      rows: u32(rows),
      columns: u32(columns),
      groupRows: u32(groupRows),
      eps: f32(eps),
    },
    outputs: { dx: x.shape, partials: [groups, 2, columns] },
    workgroups: [groups, 1, 1],
    threads: [config.threads, 1, 1],
  });
  const { dgamma, dbeta } = sumGroups(backend, partials);
  release(backend, partials);
  return [dx, dgamma, dbeta];
}

function sumGroups(
  backend: DeviceBackend,
  partials: TensorInfo,
): Record<"dgamma" | "dbeta", TensorInfo> {
  const [groups = 0, , columns = 0] = partials.shape;
  return runForAll(backend, SUMS, {
    config: {},
    inputs: { partials },
    uniforms: { groups: u32(groups), columns: u32(columns) },
    outputs: { dgamma: [columns], dbeta: [columns] },
    workgroups: [Math.ceil(columns / SUM_COLUMNS), 1, 1],
    threads: [SUM_COLUMNS, SUM_LANES, 1],
  });
}

function rowsOf({ shape }: TensorInfo): { rows: number; columns: number; config: RowConfig } {
  const columns = shape.at(-1)!;
  const threads = columns <= SHORT_ROW_COLUMNS ? 64 : 256;
  const kept = Math.ceil(columns / threads);
  return { rows: sizeOf(shape) / columns, columns, config: { threads, kept } };
}
