/**
 * Products of f16 factors: asked for, near what f32 gives, and named where the adapter lacks them.
 *
 * @module
 */
import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { engine, type Tensor, tensor, valueAndGrads } from "@tensorflow/tfjs-core";
import "../../../src/gradients.ts";
import { conv1d, linear } from "../../../src/kernels.ts";
import type { DeviceBackend } from "../../../src/kernels/webgpu/_backend.ts";
import { startWebgpu } from "../../../src/kernels/webgpu/mod.ts";
import { normal } from "../_op_case.ts";
import { gpuTest, withAdapter } from "./_gpu.ts";

/** Products of 192 factors, each rounded to 11 bits. */
const F16_TOLERANCE = 2e-3;

function drawn(shape: number[], seed: number): Tensor {
  return tensor(Array.from(normal(shape, { seed, deviation: 0.1 }).values), shape);
}

/** A map and a convolution, forward and backward, as one row of numbers. */
async function products(): Promise<number[]> {
  const inputs = [
    drawn([2, 33, 192], 1),
    drawn([64, 192], 2),
    drawn([64], 3),
    drawn([7, 64, 3], 4),
  ];
  const { value, grads } = valueAndGrads((
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    kernel: Tensor,
  ) => conv1d(linear(x, weight, { bias }), kernel, { stride: 2 }))(inputs, drawn([2, 16, 7], 5));
  const rows = await Promise.all([value, ...grads].map((result) => result.data()));
  return rows.flatMap((row) => [...row]);
}

function largestDifference(a: number[], b: number[]): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

gpuTest("f16 products are near those in f32, and not the same", async (device) => {
  const exact = await products();
  doesNotMatch(device.description, /f16/);
  equal(await startWebgpu({ software: true, f16: true }), device);
  match(device.description, /, f16 products$/);
  const rounded = await products();
  const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = largestDifference(exact, rounded);
  ok(difference > 0 && difference <= F16_TOLERANCE * largest, `${difference} of ${largest}`);
  await startWebgpu({ software: true });
  equal(largestDifference(exact, await products()), 0);
}, { needs: "shader-f16" });

gpuTest("an adapter without shader-f16 computes in f32 and says so", async (device) => {
  device.dispose();
  const real = await navigator.gpu.requestAdapter();
  const plain = {
    info: real!.info,
    limits: real!.limits,
    features: new Set(["timestamp-query"]),
    requestDevice: (descriptor: GPUDeviceDescriptor) => real!.requestDevice(descriptor),
  };
  await withAdapter(plain, async () => {
    const started = await startWebgpu({ software: true, f16: true });
    match(started!.description, /f32 products, since shader-f16 is missing$/);
    equal((engine().backend as DeviceBackend).f16, false);
    const values = await products();
    ok(values.every(Number.isFinite));
    started!.dispose();
  });
});
