/**
 * Matrix product in tiles: `C[row, column] = sum over inner of A[row, inner] * B[inner, column]`, for every plane.
 *
 * Where A, B and C lie is the kernel's: it gives the WGSL of three functions, and this file the loop
 * around them. A long inner axis over few tiles is split among workgroups, into results to be summed.
 *
 * Grid: one workgroup per tile of C, plane and split. A tile is 64 x 64 by 256 threads, or 32 x 32 by 64
 * where the large ones would be too few to fill a device; a thread makes 4 x 4 numbers in registers.
 * Memory: two slabs of 16 x tile numbers, 8 KiB or 4 KiB; each element of A is read once per column of tiles.
 * Error: a chain of `inner` additions, 1e-6 of the sum of magnitudes at 1,000.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "./_backend.ts";
import { type Program, type ProgramConfig, type ProgramRun, runProgram, u32 } from "./_program.ts";

const LARGE_TILE = 64;
const SMALL_TILE = 32;
/** Inner elements that a tile takes at a time. */
const DEPTH = 16;
/** Rows and columns that a thread makes. */
const QUAD = 4;
const QUAD_ROWS = [0, 1, 2, 3];
/** Large tiles are used from this many on. */
const ENOUGH_LARGE_TILES = 64;
/** Splitting aims at this many workgroups, of at least so many inner elements each. */
const ENOUGH_WORKGROUPS = 128;
const LEAST_SPLIT_INNER = 256;

/** The sizes of a product. */
export interface GemmSizes {
  rows: number;
  columns: number;
  inner: number;
  /** Independent products of one size. @default 1 */
  planes?: number;
}

/** What makes one kernel's product differ from another's. */
export interface GemmText {
  /**
   * `fn readA(row, inner, plane) -> f32`, `fn readB(inner, column, plane) -> f32` and
   * `fn store(row, column, plane, split, value)`, all indices `u32` and within their sizes.
   */
  functions: string;
  /** The index along which neighbours in A lie side by side, for coalesced reads. */
  runA: "row" | "inner";
  /** The same for B. */
  runB: "column" | "inner";
}

/** How a product of some sizes is laid out over workgroups. */
export interface GemmPlan {
  tile: number;
  splits: number;
  run: Pick<ProgramRun<ProgramConfig>, "workgroups" | "threads" | "uniforms">;
}

/** The tile, and into how many parts the inner axis is split where that is allowed. */
export function planGemm(sizes: GemmSizes, options: { split?: boolean } = {}): GemmPlan {
  const { rows, columns, inner, planes = 1 } = sizes;
  const tilesOf = (tile: number) => Math.ceil(rows / tile) * Math.ceil(columns / tile) * planes;
  const tile = tilesOf(LARGE_TILE) >= ENOUGH_LARGE_TILES ? LARGE_TILE : SMALL_TILE;
  const wanted = Math.floor(ENOUGH_WORKGROUPS / tilesOf(tile));
  const most = Math.floor(inner / LEAST_SPLIT_INNER);
  const asked = options.split ? Math.max(1, Math.min(wanted, most)) : 1;
  const chunk = Math.ceil(inner / asked / DEPTH) * DEPTH;
  const splits = Math.ceil(inner / chunk);
  return {
    tile,
    splits,
    run: {
      uniforms: {
        rows: u32(rows),
        columns: u32(columns),
        inner: u32(inner),
        chunk: u32(chunk),
        splits: u32(splits),
      },
      workgroups: [Math.ceil(columns / tile), Math.ceil(rows / tile), planes * splits],
      threads: [(tile / QUAD) ** 2, 1, 1],
    },
  };
}

/** Runs a program whose source is {@linkcode gemmText}, as planned. */
export function runGemm<Config extends ProgramConfig>(
  backend: DeviceBackend,
  program: Program<Config>,
  plan: GemmPlan,
  run: Omit<ProgramRun<Config>, "workgroups" | "threads">,
): TensorInfo {
  const uniforms = { ...plan.run.uniforms, ...run.uniforms };
  return runProgram(backend, program, { ...run, ...plan.run, uniforms });
}

/** WGSL of a product with tiles of one size. */
export function gemmText(tile: number, { functions, runA, runB }: GemmText): string {
  const quads = tile / QUAD;
  return `
    const TILE = ${tile}u;
    const DEPTH = ${DEPTH}u;
    const QUADS = ${quads}u;
    const THREADS = ${quads * quads}u;
    var<workgroup> slabA: array<vec4<f32>, ${DEPTH * quads}>;
    var<workgroup> slabB: array<vec4<f32>, ${DEPTH * quads}>;
    ${functions}
    ${readQuads("A", "readA(outer + n, inner, plane)", "uniforms.rows")}
    ${readQuads("B", "readB(inner, outer + n, plane)", "uniforms.columns")}
    fn storeQuad(row: u32, column: u32, plane: u32, split: u32, quad: vec4<f32>) {
      for (var n = 0u; n < 4u; n++) {
        if (row < uniforms.rows && column + n < uniforms.columns) {
          store(row, column + n, plane, split, quad[n]);
        }
      }
    }
    fn main() {
      let plane = workgroupId.z / uniforms.splits;
      let split = workgroupId.z % uniforms.splits;
      let firstRow = workgroupId.y * TILE;
      let firstColumn = workgroupId.x * TILE;
      let quadRow = localIndex / QUADS;
      let quadColumn = localIndex % QUADS;
      ${QUAD_ROWS.map((m) => `var sum${m} = vec4<f32>(0.0);`).join(" ")}
      for (var start = 0u; start < uniforms.chunk; start += DEPTH) {
        let inner = split * uniforms.chunk + start;
        for (var slot = localIndex; slot < DEPTH * QUADS; slot += THREADS) {
          ${slotOf("A", runA === "inner")}
          ${slotOf("B", runB === "inner")}
        }
        workgroupBarrier();
        for (var depth = 0u; depth < DEPTH; depth++) {
          let a = slabA[depth * QUADS + quadRow];
          let b = slabB[depth * QUADS + quadColumn];
          ${QUAD_ROWS.map((m) => `sum${m} += a[${m}] * b;`).join(" ")}
        }
        workgroupBarrier();
      }
      let row = firstRow + quadRow * 4u;
      let column = firstColumn + quadColumn * 4u;
      ${
    QUAD_ROWS.map((m) => `storeQuad(row + ${m}u, column, plane, split, sum${m});`).join("\n      ")
  }
    }`;
}

/** Four neighbours of A or B across the inner axis, with zeros past the ends. */
function readQuads(name: "A" | "B", element: string, end: string): string {
  return `
    fn quad${name}(outer: u32, inner: u32, plane: u32) -> vec4<f32> {
      var four = vec4<f32>(0.0);
      for (var n = 0u; n < 4u; n++) {
        if (inner < uniforms.inner && outer + n < ${end}) { four[n] = ${element}; }
      }
      return four;
    }`;
}

/** Fills one slot of a slab, neighbouring threads reading along the axis on which numbers lie side by side. */
function slotOf(name: "A" | "B", alongInner: boolean): string {
  const first = name === "A" ? "firstRow" : "firstColumn";
  const [depth, quad] = alongInner
    ? ["slot % DEPTH", "slot / DEPTH"]
    : ["slot / QUADS", "slot % QUADS"];
  return `
          {
            let depth = ${depth};
            let quad = ${quad};
            slab${name}[depth * QUADS + quad] = quad${name}(${first} + quad * 4u, inner + depth, plane);
          }`;
}
