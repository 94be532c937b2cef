/**
 * Affine map of the last axis, forward and gradients, on WASM.
 *
 * Computes: `y = activation(x weight^T + bias) + residual`; `dx = dy weight`; `dweight = dy^T x`.
 * Buffers: `x [rows, I]`, `weight [O, I]`, `bias [O]`, `residual`, `dy [rows, O]` float32, read; `y [rows, O]`,
 *   `dx [rows, I]`, `dweight [O, I]` float32, written.
 * Memory: the weight once more, in panels; per thread the scratch of `gemm.ts`.
 * Error: that of `gemm.ts`.
 * Reference: `test/reference/linear.ts`.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { LinearAttrs } from "../../kernels.ts";
import { registerWasmKernel, sizeOf, type WasmBackend } from "./backend.ts";
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
} from "./gemm.ts";

const FLOAT_BYTES = 4;

interface Inputs {
  x: TensorInfo;
  weight: TensorInfo;
  bias?: TensorInfo;
  residual?: TensorInfo;
}

registerWasmKernel<Inputs, LinearAttrs>("EarshotLinear", ({ inputs, attrs, backend }) => {
  const { x, weight, bias, residual } = inputs;
  const [outputs, width] = weight.shape as [number, number];
  const y = backend.output([...x.shape.slice(0, -1), outputs]);
  const source = backend.address(weight);
  const layout = { columns: outputs, columnStride: width * FLOAT_BYTES };
  const b = matrix({ source, ...layout, depth: width, depthStride: FLOAT_BYTES });
  multiply(backend, b, {
    ...{ a: backend.address(x), aRow: width * FLOAT_BYTES, depth: width },
    ...{ c: backend.address(y), cRow: outputs * FLOAT_BYTES, columns: outputs },
    rows: sizeOf(x.shape.slice(0, -1)),
    bias: bias && backend.address(bias),
    residual: residual && backend.address(residual),
    activation: attrs.activation,
  });
  return y;
});

registerWasmKernel<{ dy: TensorInfo; weight: TensorInfo }>(
  "EarshotLinearGradInput",
  ({ inputs: { dy, weight }, backend }) => {
    const [outputs, width] = weight.shape as [number, number];
    const dx = backend.output([...dy.shape.slice(0, -1), width]);
    const source = backend.address(weight);
    const layout = { columns: width, columnStride: FLOAT_BYTES };
    const b = matrix({ source, ...layout, depth: outputs, depthStride: width * FLOAT_BYTES });
    multiply(backend, b, {
      ...{ a: backend.address(dy), aRow: outputs * FLOAT_BYTES, depth: outputs },
      ...{ c: backend.address(dx), cRow: width * FLOAT_BYTES, columns: width },
      rows: sizeOf(dy.shape.slice(0, -1)),
    });
    return dx;
  },
);

registerWasmKernel<{ x: TensorInfo; dy: TensorInfo }>(
  "EarshotLinearGradWeight",
  ({ inputs: { x, dy }, backend }) => {
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
  },
);

/** B as a matrix of any two strides. */
function matrix(
  { source, columns, columnStride, depth, depthStride }: {
    source: number;
    columns: number;
    columnStride: number;
    depth: number;
    depthStride: number;
  },
): PanelSource {
  const taps = { outer: 1, outerStride: 0, taps: depth, tapStride: depthStride };
  return { source, groups: 1, groupStride: 0, columns, columnStride, ...taps };
}

/** Packs B into scratch memory and multiplies. */
function multiply(backend: WasmBackend, b: PanelSource, call: Omit<Gemm, "packed">): void {
  const [packed, scratch] = scratchAreas(backend, packedBytes(b), gemmScratchBytes(backend));
  packPanels(backend, b, packed!);
  gemm(backend, { ...call, packed: packed! }, scratch!);
}
