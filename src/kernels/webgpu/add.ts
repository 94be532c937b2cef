/**
 * Sum of two tensors of one shape.
 *
 * Computes: `x + y`.
 * Buffers: x, y, result [any] f32, x and y read.
 * Grid: one thread per element.
 * Memory: none shared, one pass.
 * Error: one rounding.
 * Reference: test/reference/add.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { elements, runElements } from "./_elements.ts";
import type { Program } from "./_program.ts";

const ADD: Program<Record<never, never>> = { name: "Add", source: () => elements("x[i] + y[i]") };

/** `x + y`. */
export function add(
  { x, y }: KernelInputs<"add">,
  _attrs: KernelAttrs<"add">,
  backend: DeviceBackend,
): TensorInfo {
  return runElements(backend, ADD, { config: {}, inputs: { x, y }, shape: x.shape });
}
