/**
 * Weight normalisation of a convolution, per kernel tap, forward and gradient, on WASM.
 *
 * Computes: with `n[k] = sqrt(sum_{o,i} v[o][i][k]^2)`, `w = g v / n`; with `p[k] = sum_{o,i} dy v`,
 *   `dg = p / n`, `dv = dy g / n - v g p / n^3`.
 * Buffers: `g` [1, 1, K], `v`, `dy` [O, I, K] float32, read; `w`, `dv` [O, I, K], `dg` [1, 1, K], written.
 * Memory: two passes, sums and result; the K factors are computed here.
 * Error: 1e-6 for values around 1.
 * Reference: `test/reference/weight_norm.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelInputs, KernelOutputs } from "../../kernels.ts";
import { ROW_GRAIN_ELEMENTS, rowsOf, type WasmBackend } from "./_backend.ts";
import { COLUMN_GRAIN } from "./column_sum.ts";

export function weightNorm(
  { g, v }: KernelInputs<"weightNorm">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const { rows, columns } = rowsOf(v);
  const w = backend.output(v.shape);
  const [scale = 0] = scratchRows(backend, columns, 1);
  columnDot(backend, [v, v], scale);
  const lengths = backend.floats(backend.address(g), columns);
  const scales = backend.floats(scale, columns).map((square, k) => lengths[k]! / Math.sqrt(square));
  backend.floats(scale, columns).set(scales);
  const args = [backend.address(v), scale, backend.address(w), columns];
  backend.dispatch("scaleColumns", rows, args, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  return w;
}

export function weightNormGrad(
  { g, v, dy }: KernelInputs<"weightNormGrad">,
  _attrs: object,
  backend: WasmBackend,
): KernelOutputs<"weightNormGrad"> {
  const { rows, columns } = rowsOf(v);
  const [dg, dv] = [backend.output(g.shape), backend.output(v.shape)];
  const [slopeScale = 0, valueScale = 0] = scratchRows(backend, columns, 2);
  columnDot(backend, [v, v], slopeScale);
  columnDot(backend, [dy, v], valueScale);
  const [squares, products] = [slopeScale, valueScale].map((at) => backend.floats(at, columns));
  const lengths = backend.floats(backend.address(g), columns);
  const slopes = backend.floats(backend.address(dg), columns);
  for (let k = 0; k < columns; k++) {
    const square = squares![k]!;
    const product = products![k]!;
    const scale = lengths[k]! / Math.sqrt(square);
    slopes[k] = product / Math.sqrt(square);
    squares![k] = scale;
    products![k] = -scale * product / square;
  }
  const terms = [backend.address(dy), slopeScale, backend.address(v), valueScale];
  const args = [...terms, backend.address(dv), columns];
  backend.dispatch("mixColumns", rows, args, Math.ceil(ROW_GRAIN_ELEMENTS / columns));
  return [dg, dv];
}

/** `sum_r a[r][c] b[r][c]` of two matrices of one shape, to an address. */
function columnDot(backend: WasmBackend, [a, b]: [TensorInfo, TensorInfo], to: number): void {
  const { rows, columns } = rowsOf(a);
  const args = [backend.address(a), backend.address(b), to, rows, 4 * columns];
  backend.dispatch("columnDot", Math.ceil(columns / 4), args, COLUMN_GRAIN);
}

/** Addresses of rows of scratch memory, each with room for whole vectors. */
function scratchRows(backend: WasmBackend, columns: number, count: number): number[] {
  const rowBytes = 16 * Math.ceil(columns / 4);
  const first = backend.scratch(count * rowBytes);
  return Array.from({ length: count }, (_, i) => first + i * rowBytes);
}
