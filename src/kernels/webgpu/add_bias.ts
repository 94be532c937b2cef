/**
 * One vector added to every row; its gradients are `dy` itself and the sum of its columns.
 *
 * Computes: `y[r] = x[r] + bias`.
 * Buffers: x, result [R, C]; bias [C]; f32, x and bias read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: one rounding.
 * Reference: test/reference/add_bias.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import { type Program, u32 } from "./_program.ts";

const ADD_BIAS: Program<Record<never, never>> = {
  name: "AddBias",
  source: () => elements("x[i] + bias[i % uniforms.columns]"),
};

/** `x + bias`. */
export function addBias(
  { x, bias }: KernelInputs<"addBias">,
  _attrs: KernelAttrs<"addBias">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, ADD_BIAS, {
    config: {},
    inputs: { x, bias },
    uniforms: { columns: u32(bias.shape[0]!) },
    shape: x.shape,
  });
}
