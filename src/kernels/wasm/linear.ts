/**
 * Affine map of the last axis, forward and gradients, on WASM.
 *
 * Computes: `y = activation(x weight^T + bias) + residual`; `dx = dy weight`; `dweight = dy^T x`.
 * Buffers: `x [rows, I]`, `weight [O, I]`, `bias [O]`, `residual`, `dy [rows, O]` float32, read; `y [rows, O]`,
 *   `dx [rows, I]`, `dweight [O, I]` float32, written.
 * Memory: the weight in panels, see `weights.ts`; per thread the scratch of `gemm.ts`.
 * Error: that of `gemm.ts`; with an int8 weight that of `gemm_int8.ts`.
 * Reference: `test/reference/linear.ts`, and `test/reference/int8.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import { sizeOf, type WasmBackend } from "./_backend.ts";
import {
  type Gemm,
  gemm,
  gemmOuter,
  gemmOuterScratchBytes,
  gemmScratchBytes,
  packedBytes,
  packPanels,
  type PanelSource,
  scratchAreas,
} from "./_gemm.ts";
import { gemmInt8, int8Matrix, int8ScratchBytes } from "./_gemm_int8.ts";
import { weightPanels } from "./_weights.ts";

const FLOAT_BYTES = 4;

export function linear(
  { x, weight, scale, bias, residual }: KernelInputs<"linear">,
  { activation, layout }: KernelAttrs<"linear">,
  backend: WasmBackend,
): TensorInfo {
  const [outputs = 0, width = 0] = (layout ?? weight).shape;
  const y = backend.output([...x.shape.slice(0, -1), outputs]);
  const call: Gemm = {
    a: backend.address(x),
    aRow: width * FLOAT_BYTES,
    depth: width,
    packed: 0,
    c: backend.address(y),
    cRow: outputs * FLOAT_BYTES,
    rows: sizeOf(x.shape) / width,
    columns: outputs,
    bias: bias && backend.address(bias),
    residual: residual && backend.address(residual),
    activation,
  };
  const panels = weightPanels(backend, { weight, scale, groups: 1, layout });
  if (panels.int8) {
    const scratch = backend.scratch(int8ScratchBytes(backend, call));
    gemmInt8(backend, int8Matrix(backend, panels.int8), call, scratch);
  } else {
    const areas = scratchAreas(backend, panels.scratchBytes, gemmScratchBytes(backend));
    call.packed = panels.pack(areas[0]!);
    gemm(backend, call, areas[1]!);
  }
  return y;
}

export function linearGradInput(
  { dy, weight }: KernelInputs<"linearGradInput">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [outputs = 0, width = 0] = weight.shape;
  const dx = backend.output([...dy.shape.slice(0, -1), width]);
  const b: PanelSource = {
    ...{ source: backend.address(weight), groups: 1, groupStride: 0 },
    ...{ columns: width, columnStride: FLOAT_BYTES, outer: 1, outerStride: 0 },
    ...{ taps: outputs, tapStride: width * FLOAT_BYTES },
  };
  const areas = scratchAreas(backend, packedBytes(b), gemmScratchBytes(backend));
  const [packed = 0, scratch = 0] = areas;
  packPanels(backend, b, packed);
  gemm(backend, {
    packed,
    ...{ a: backend.address(dy), aRow: outputs * FLOAT_BYTES, depth: outputs },
    ...{ c: backend.address(dx), cRow: width * FLOAT_BYTES, columns: width },
    rows: sizeOf(dy.shape.slice(0, -1)),
  }, scratch);
  return dx;
}

export function linearGradWeight(
  { x, dy }: KernelInputs<"linearGradWeight">,
  _attrs: object,
  backend: WasmBackend,
): TensorInfo {
  const [outputs, width] = [dy.shape.at(-1)!, x.shape.at(-1)!];
  const dweight = backend.output([outputs, width]);
  const size = { m: outputs, n: width };
  const scratch = backend.scratch(gemmOuterScratchBytes(backend, size));
  gemmOuter(backend, {
    ...{ a: backend.address(dy), aRow: outputs * FLOAT_BYTES },
    ...{ b: backend.address(x), bRow: width * FLOAT_BYTES },
    ...{ c: backend.address(dweight), cRow: width * FLOAT_BYTES },
    ...size,
    rows: sizeOf(x.shape.slice(0, -1)),
  }, scratch);
  return dweight;
}
