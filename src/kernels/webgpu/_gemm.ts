/**
 * Matrix product in tiles: `C[row, column] = sum over inner of A[row, inner] * B[inner, column]`, for every plane.
 *
 * Where A, B and C lie is the kernel's: it gives the WGSL of two expressions and a function, and this file the loop
 * around them. A long inner axis over few tiles is split among workgroups, into results to be summed.
 *
 * Grid: one workgroup per tile of C, plane and split. A tile is 128 x 64 or 64 x 64 by 256 threads, or 32 x 32 by 64
 * where larger ones would be too few to fill a device; a thread makes 8 x 4 or 4 x 4 numbers in registers.
 * Memory: two slabs of up to 32 inner elements, at most 16 KiB, half of it where they hold f16; each element of A is
 * read once per column of tiles, four at a time where they lie side by side.
 * Error: a chain of `inner` additions, 1e-6 of the sum of magnitudes at 1,000; with f16 slabs, whose factors are
 * rounded to 11 bits and added in f32, 5e-4 of it.
 *
 * @module
 */
import type { DeviceBackend } from "./_backend.ts";
import {
  type Made,
  type Program,
  type ProgramConfig,
  type ProgramInputs,
  type ProgramOutputs,
  runForAll,
  u32,
} from "./_program.ts";

/** A tile and the threads that make it: all that the loop of a product depends on. */
interface Tile {
  rows: number;
  columns: number;
  threads: number;
  /** Inner elements that a tile takes at a time. */
  depth: number;
}

const TILES = {
  tall: { rows: 128, columns: 64, threads: 256, depth: 16 },
  large: { rows: 64, columns: 64, threads: 256, depth: 32 },
  small: { rows: 32, columns: 32, threads: 64, depth: 32 },
} as const satisfies Record<string, Tile>;

/** The name of a tile, for the config of a program. */
export type TileName = keyof typeof TILES;

/** Rows and columns that a thread makes at least. */
const QUAD = 4;
/** A tile is used where there are this many; a small one otherwise. */
const ENOUGH_TILES: Record<"tall" | "large", number> = { tall: 256, large: 64 };
/** Splitting aims at this many workgroups, of at least so many inner elements each. */
const ENOUGH_WORKGROUPS = 128;
const LEAST_SPLIT_INNER = 256;
const SPLIT_STEP = 32;

/** The sizes of a product. */
export interface GemmSizes {
  rows: number;
  columns: number;
  inner: number;
  /** Independent products of one size. @default 1 */
  planes?: number;
}

/**
 * How A or B is read: an expression of one number, or of four along `run`, that knows `outer` (row or column),
 * `inner` and `plane`. Four are only read where the length of `run` is a multiple of four.
 */
export type GemmOperand =
  & {
    /** The index along which neighbours lie side by side. */
    run: "outer" | "inner";
    /** Whether what is read is f16. @default false */
    half?: boolean;
  }
  & ({ element: string } | { quad: string });

/** What makes one kernel's product differ from another's. */
export interface GemmText {
  a: GemmOperand;
  b: GemmOperand;
  /**
   * `fn storeQuad(row, column, plane, split, quad: vec4<f32>)`, called within the rows and for a first column within
   * the columns; or `fn store(row, column, plane, split, value: f32)`, called for each. And what the operands need.
   */
  functions: string;
  /** Which of the two functions there is. @default "element" */
  store?: "quad" | "element";
  /** A function `storeRowSums(row, plane, split, sums: vec4<f32>)` for the sums of A over the inner axis. */
  rowSums?: boolean;
  /** Whether the slabs hold f16. @default false */
  f16?: boolean;
}

/** How a product of some sizes is laid out over workgroups. */
export interface GemmPlan {
  tile: TileName;
  splits: number;
  run: Pick<ProgramInputs<ProgramConfig>, "workgroups" | "threads" | "uniforms">;
}

/** The tile, and into how many parts the inner axis is split where that is allowed. */
export function planGemm(sizes: GemmSizes, options: { split?: boolean } = {}): GemmPlan {
  const { rows, columns, inner, planes = 1 } = sizes;
  const tilesOf = (name: TileName) =>
    Math.ceil(rows / TILES[name].rows) * Math.ceil(columns / TILES[name].columns) * planes;
  const enough = (name: "tall" | "large") => tilesOf(name) >= ENOUGH_TILES[name];
  const tile = enough("tall") ? "tall" : enough("large") ? "large" : "small";
  const wanted = Math.floor(ENOUGH_WORKGROUPS / tilesOf(tile));
  const most = Math.floor(inner / LEAST_SPLIT_INNER);
  const asked = options.split ? Math.max(1, Math.min(wanted, most)) : 1;
  const chunk = Math.ceil(inner / asked / SPLIT_STEP) * SPLIT_STEP;
  const splits = Math.ceil(inner / chunk);
  const shape = TILES[tile];
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
      workgroups: [
        Math.ceil(columns / shape.columns),
        Math.ceil(rows / shape.rows),
        planes * splits,
      ],
      threads: [shape.threads, 1, 1],
    },
  };
}

/** What one run of a product takes besides its plan. */
export type GemmRun<Config extends ProgramConfig, Outputs extends ProgramOutputs> =
  & Omit<ProgramInputs<Config>, "workgroups" | "threads">
  & { outputs: Outputs };

/** Runs a program whose source is {@linkcode gemmText}, as planned. */
export function runGemm<Config extends ProgramConfig, Outputs extends ProgramOutputs>(
  backend: DeviceBackend,
  program: Program<Config>,
  plan: GemmPlan,
  run: GemmRun<Config, Outputs>,
): Made<Outputs> {
  const uniforms = { ...plan.run.uniforms, ...run.uniforms };
  return runForAll(backend, program, { ...run, ...plan.run, uniforms });
}

/** WGSL of a product with tiles of one size. */
export function gemmText(name: TileName, text: GemmText): string {
  const { rows, columns, threads, depth } = TILES[name];
  const [quadRows, quadColumns] = [rows / QUAD, columns / QUAD];
  const blocks = Array.from({ length: quadRows * quadColumns / threads }, (_, n) => n);
  const step = quadRows / blocks.length;
  const sums = blocks.flatMap((block) => range(QUAD).map((n) => ({ block, n })));
  const type = text.f16 ? "f16" : "f32";
  const wide = (value: string) => text.f16 ? `vec4<f32>(${value})` : value;
  return `
    const DEPTH = ${depth}u;
    const THREADS = ${threads}u;
    var<workgroup> slabA: array<vec4<${type}>, ${depth * quadRows}>;
    var<workgroup> slabB: array<vec4<${type}>, ${depth * quadColumns}>;
    ${text.functions}
    ${operandText("A", text.a)}
    ${operandText("B", text.b)}
    ${text.store === "quad" ? "" : STORE_QUAD}
    fn main() {
      let plane = workgroupId.z / uniforms.splits;
      let split = workgroupId.z % uniforms.splits;
      let firstRow = workgroupId.y * ${rows}u;
      let firstColumn = workgroupId.x * ${columns}u;
      let quadRow = localIndex / ${quadColumns}u;
      let quadColumn = localIndex % ${quadColumns}u;
      ${text.rowSums ? "let addsRows = workgroupId.x == 0u && quadColumn == 0u;" : ""}
      ${
    text.rowSums ? blocks.map((block) => `var rowSums${block} = vec4<f32>(0.0);`).join(" ") : ""
  }
      ${sums.map(({ block, n }) => `var sum${block}${n} = vec4<f32>(0.0);`).join(" ")}
      for (var start = 0u; start < uniforms.chunk; start += DEPTH) {
        let firstInner = split * uniforms.chunk + start;
        ${slabText("A", { operand: text.a, quads: quadRows, depth, type })}
        ${slabText("B", { operand: text.b, quads: quadColumns, depth, type })}
        workgroupBarrier();
        for (var depth = 0u; depth < DEPTH; depth++) {
          let b = ${wide(`slabB[depth * ${quadColumns}u + quadColumn]`)};
          ${
    blocks.map((block) => `
          let a${block} = ${wide(`slabA[depth * ${quadRows}u + quadRow + ${block * step}u]`)};
          ${range(QUAD).map((n) => `sum${block}${n} += a${block}[${n}] * b;`).join(" ")}
          ${text.rowSums ? `if (addsRows) { rowSums${block} += a${block}; }` : ""}`).join("")
  }
        }
        workgroupBarrier();
      }
      let column = firstColumn + quadColumn * 4u;
      ${
    blocks.map((block) => `
      let row${block} = firstRow + (quadRow + ${block * step}u) * 4u;
      ${
      text.rowSums
        ? `if (addsRows && row${block} < uniforms.rows) {
        storeRowSums(row${block}, plane, split, rowSums${block});
      }`
        : ""
    }`).join("")
  }
      if (column >= uniforms.columns) { return; }
      ${
    sums.map(({ block, n }) => `
      if (row${block} + ${n}u < uniforms.rows) {
        storeQuad(row${block} + ${n}u, column, plane, split, sum${block}${n});
      }`).join("")
  }
    }`;
}

const STORE_QUAD = `
    fn storeQuad(row: u32, column: u32, plane: u32, split: u32, quad: vec4<f32>) {
      for (var n = 0u; n < 4u; n++) {
        if (column + n < uniforms.columns) { store(row, column + n, plane, split, quad[n]); }
      }
    }`;

function range(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}

function numberOf({ half }: GemmOperand): "f16" | "f32" {
  return half ? "f16" : "f32";
}

/** `quadA` or `quadB`: four neighbours along the run, with zeros past the ends. */
function operandText(name: "A" | "B", operand: GemmOperand): string {
  const end = name === "A" ? "uniforms.rows" : "uniforms.columns";
  const type = numberOf(operand);
  const head = `fn quad${name}(outer: u32, inner: u32, plane: u32) -> vec4<${type}>`;
  if ("quad" in operand) {
    return `
    ${head} {
      if (inner >= uniforms.inner || outer >= ${end}) { return vec4<${type}>(); }
      return ${operand.quad};
    }`;
  }
  const [outer, inner] = operand.run === "outer" ? ["outer + n", "inner"] : ["outer", "inner + n"];
  return `
    fn element${name}(outer: u32, inner: u32, plane: u32) -> ${type} {
      if (inner >= uniforms.inner || outer >= ${end}) { return ${type}(); }
      return ${operand.element};
    }
    ${head} {
      var four = vec4<${type}>();
      for (var n = 0u; n < 4u; n++) { four[n] = element${name}(${outer}, ${inner}, plane); }
      return four;
    }`;
}

/**
 * Fills a slab, which has four neighbouring rows or columns in each slot; neighbouring threads read along the run.
 *
 * Where that is the inner axis, a thread reads a square of four by four and turns it over.
 */
function slabText(
  name: "A" | "B",
  { operand, quads, depth, type }: {
    operand: GemmOperand;
    quads: number;
    depth: number;
    type: "f16" | "f32";
  },
): string {
  const first = name === "A" ? "firstRow" : "firstColumn";
  const read = numberOf(operand);
  const kept = (value: string) => type === read ? value : `vec4<${type}>(${value})`;
  if (operand.run === "outer") {
    return `
        for (var slot = localIndex; slot < ${depth * quads}u; slot += THREADS) {
          let quad = slot % ${quads}u;
          let depth = slot / ${quads}u;
          slab${name}[slot] = ${
      kept(`quad${name}(${first} + quad * 4u, firstInner + depth, plane)`)
    };
        }`;
  }
  const turned = range(QUAD).map((n) => {
    const column = range(QUAD).map((m) => `four${m}[${n}]`).join(", ");
    return `slab${name}[(depth + ${n}u) * ${quads}u + quad] = ${kept(`vec4<${read}>(${column})`)};`;
  });
  return `
        for (var slot = localIndex; slot < ${depth / QUAD * quads}u; slot += THREADS) {
          let depth = slot % ${depth / QUAD}u * 4u;
          let quad = slot / ${depth / QUAD}u;
          let outer = ${first} + quad * 4u;
          ${
    range(QUAD).map((m) => `let four${m} = quad${name}(outer + ${m}u, firstInner + depth, plane);`)
      .join("\n          ")
  }
          ${turned.join("\n          ")}
        }`;
}
