/**
 * Scores by distance as matrix products over all distances, and the gradients by frames and positions.
 *
 * Computes: for each head, query i and key j, with `p = positions[index[j - i + T - 1]]` and the owner's frame o (i or j),
 * `y[i, j] = scale x[o] . p`; `dx[o] = scale * sum of dy[i, j] p`; `dpositions` = the sum of `scale dy[i, j] x[o]` over
 * the pairs with that position, summed by distance first.
 * Buffers: x, dx [B, T, D]; positions, dpositions [P, D]; y, dy [B, H, T, T]; sums [splits, 2 T - 1, D];
 * f32; index [2 T - 1] i32; the inputs read.
 * Grid and Memory: as in `_gemm.ts`, planes being heads: frames by distances, half of which lie outside the
 * clip. `dpositions`: then one thread per element, meeting all distances.
 * Error: 1e-6 of the sum of magnitudes.
 * Reference: test/reference/relative_scores.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs, RelativeScoresAttrs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type GemmOperand, gemmText, planGemm, runGemm, type TileName } from "./_gemm.ts";
import { f32, type Program, release, u32, type Uniform } from "./_program.ts";
import { sumPlain } from "./_row_sum.ts";

type Owner = RelativeScoresAttrs["owner"];
type ScoreConfig = { tile: TileName; owner: Owner };

function readA(run: GemmOperand["run"]): GemmOperand {
  return { run, element: "readA(outer, inner, plane)" };
}

function readB(run: GemmOperand["run"]): GemmOperand {
  return { run, element: "readB(inner, outer, plane)" };
}

/**
 * `atScore(row, distance, head)`: the position of the score that frame `row` of all clips has at a distance, or -1
 * where that leaves the clip.
 */
function atScore(owner: Owner): string {
  const [other, query, key] = owner === "query"
    ? ["frame + shift", "frame", "other"]
    : ["frame - shift", "other", "frame"];
  return `
    fn atScore(row: u32, distance: u32, head: u32) -> i32 {
      let frames = i32(uniforms.frames);
      let frame = i32(row % uniforms.frames);
      let shift = i32(distance) - frames + 1;
      let other = ${other};
      if (other < 0 || other >= frames) { return -1; }
      let first = i32(row / uniforms.frames * uniforms.heads + head) * frames;
      return (first + ${query}) * frames + ${key};
    }`;
}

const READ_POSITION = `
    fn readPosition(distance: u32, d: u32, head: u32) -> f32 {
      return positions[u32(index[distance]) * uniforms.size + head * uniforms.headSize + d];
    }`;

/** Rows frames, columns distances, inner the head. */
const FORWARD: Program<ScoreConfig> = {
  name: "RelativeScores",
  source: ({ tile, owner }) =>
    gemmText(tile, {
      a: readA("inner"),
      b: readB("inner"),
      functions: `
    ${atScore(owner)}
    ${READ_POSITION}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 {
      return x[row * uniforms.size + plane * uniforms.headSize + inner];
    }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      return readPosition(column, inner, plane);
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let at = atScore(row, column, plane);
      if (at >= 0) { result[at] = uniforms.scale * sum; }
    }`,
    }),
};

/** Rows frames, columns the head, inner distances. */
const INPUT_GRADIENT: Program<ScoreConfig> = {
  name: "RelativeScoresGradInput",
  source: ({ tile, owner }) =>
    gemmText(tile, {
      a: readA("inner"),
      b: readB("outer"),
      functions: `
    ${atScore(owner)}
    ${READ_POSITION}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 {
      let at = atScore(row, inner, plane);
      if (at < 0) { return 0.0; }
      return dy[at];
    }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      return readPosition(inner, column, plane);
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      result[row * uniforms.size + plane * uniforms.headSize + column] = uniforms.scale * sum;
    }`,
    }),
};

/** Rows distances, columns the head, inner frames of all clips. */
const DISTANCE_GRADIENT: Program<ScoreConfig> = {
  name: "RelativeScoresGradDistance",
  source: ({ tile, owner }) =>
    gemmText(tile, {
      a: readA("outer"),
      b: readB("outer"),
      functions: `
    ${atScore(owner)}
    fn readA(row: u32, inner: u32, plane: u32) -> f32 {
      let at = atScore(inner, row, plane);
      if (at < 0) { return 0.0; }
      return dy[at];
    }
    fn readB(inner: u32, column: u32, plane: u32) -> f32 {
      return x[inner * uniforms.size + plane * uniforms.headSize + column];
    }
    fn store(row: u32, column: u32, plane: u32, split: u32, sum: f32) {
      let at = (split * uniforms.rows + row) * uniforms.size + plane * uniforms.headSize + column;
      result[at] = uniforms.scale * sum;
    }`,
    }),
};

const POSITION_GRADIENT: Program<Record<never, never>> = {
  name: "RelativeScoresGradPositions",
  source: () =>
    elements(
      "sumOf(i / uniforms.size, i % uniforms.size)",
      `
    fn sumOf(position: u32, d: u32) -> f32 {
      var sum = 0.0;
      for (var distance = 0u; distance < uniforms.distances; distance++) {
        if (u32(index[distance]) == position) { sum += sums[distance * uniforms.size + d]; }
      }
      return sum;
    }`,
    ),
};

/** `x [B, T, D]`, `positions [P, D]` -> `[B, H, T, T]` */
export function relativeScores(
  { x, positions, index }: KernelInputs<"relativeScores">,
  attrs: KernelAttrs<"relativeScores">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, frames = 0, size = 0] = x.shape;
  const { heads, owner } = attrs;
  const plan = planGemm({
    rows: batch * frames,
    columns: 2 * frames - 1,
    inner: size / heads,
    planes: heads,
  });
  return runGemm(backend, FORWARD, plan, {
    config: { tile: plan.tile, owner },
    inputs: { x, positions, index },
    uniforms: uniformsOf(frames, size, attrs),
    outputs: { result: [batch, heads, frames, frames] },
  }).result;
}

/** -> `dx [B, T, D]` */
export function relativeScoresGradInput(
  { dy, positions, index }: KernelInputs<"relativeScoresGradInput">,
  attrs: KernelAttrs<"relativeScoresGradInput">,
  backend: DeviceBackend,
): TensorInfo {
  const [batch = 0, heads = 0, frames = 0] = dy.shape;
  const size = positions.shape[1]!;
  const plan = planGemm({
    rows: batch * frames,
    columns: size / heads,
    inner: 2 * frames - 1,
    planes: heads,
  });
  return runGemm(backend, INPUT_GRADIENT, plan, {
    config: { tile: plan.tile, owner: attrs.owner },
    inputs: { dy, positions, index },
    uniforms: uniformsOf(frames, size, attrs),
    outputs: { result: [batch, frames, size] },
  }).result;
}

/** -> `dpositions [count, D]` */
export function relativeScoresGradPositions(
  { x, dy, index }: KernelInputs<"relativeScoresGradPositions">,
  attrs: KernelAttrs<"relativeScoresGradPositions">,
  backend: DeviceBackend,
): TensorInfo {
  const [, frames = 0, size = 0] = x.shape;
  const sums = sumsByDistance(backend, { x, dy }, attrs);
  const dpositions = runElements(backend, POSITION_GRADIENT, {
    config: {},
    inputs: { sums, index },
    uniforms: { size: u32(size), distances: u32(2 * frames - 1) },
    shape: [attrs.count, size],
  });
  release(backend, sums);
  return dpositions;
}

/** `x [B, T, D]`, `dy [B, H, T, T]` -> `[2 T - 1, D]` */
function sumsByDistance(
  backend: DeviceBackend,
  { x, dy }: Record<"x" | "dy", TensorInfo>,
  attrs: RelativeScoresAttrs,
): TensorInfo {
  const [batch = 0, frames = 0, size = 0] = x.shape;
  const distances = 2 * frames - 1;
  const plan = planGemm({
    rows: distances,
    columns: size / attrs.heads,
    inner: batch * frames,
    planes: attrs.heads,
  }, { split: true });
  const { result: parts } = runGemm(backend, DISTANCE_GRADIENT, plan, {
    config: { tile: plan.tile, owner: attrs.owner },
    inputs: { x, dy },
    uniforms: uniformsOf(frames, size, attrs),
    outputs: { result: [plan.splits, distances, size] },
  });
  if (plan.splits === 1) return parts;
  const sizes = { batch: 1, rows: plan.splits, columns: distances * size };
  const sums = sumPlain(backend, parts, sizes);
  release(backend, parts);
  return sums;
}

function uniformsOf(
  frames: number,
  size: number,
  { heads, scale }: RelativeScoresAttrs,
): Record<string, Uniform> {
  return {
    frames: u32(frames),
    size: u32(size),
    heads: u32(heads),
    headSize: u32(size / heads),
    scale: f32(scale),
  };
}
