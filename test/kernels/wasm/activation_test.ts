import { tensor1d } from "@tensorflow/tfjs-core";
import { activation, ACTIVATIONS, OPERATIONS, run } from "../../../src/kernels.ts";
import { startWasm } from "../../../src/kernels/wasm/mod.ts";
import { assertAllClose } from "../../compare.ts";
import * as reference from "../../reference/activation.ts";

/** Every 1e-4 where GELU bends, as single-precision numbers. */
const SWEEP = Float32Array.from({ length: 120_001 }, (_, i) => (i - 60_000) / 10_000);
const GELU = { activation: "gelu" } as const;

for (const relaxedSimd of [true, false]) {
  const build = relaxedSimd ? "relaxed SIMD" : "SIMD";
  Deno.test(`gelu and its gradient keep to the error they state, ${build}`, async () => {
    const device = await startWasm({ relaxedSimd });
    const x = { shape: [SWEEP.length], values: Float64Array.from(SWEEP) };
    const ones = { shape: x.shape, values: x.values.map(() => 1) };
    const [given, dy] = [tensor1d(SWEEP), tensor1d(Float32Array.from(ones.values))];
    const y = activation(given, "gelu");
    const dx = run(OPERATIONS.activationGrad, { x: given, dy }, GELU);
    const exact = reference.activation({ x }, GELU);
    assertAllClose(y.dataSync(), exact.values, { atol: 2e-7, rtol: 1e-7, label: "gelu" });
    const slope = reference.activationGrad({ x, dy: ones }, GELU);
    assertAllClose(dx.dataSync(), slope.values, { atol: 2.5e-7, label: "gradient" });
    for (const each of [given, dy, y, dx]) each.dispose();
    device.dispose();
  });

  Deno.test(`each activation is right to 5e-7 and its gradient to 1.5e-6, ${build}`, async () => {
    const device = await startWasm({ relaxedSimd });
    const given = tensor1d(SWEEP.filter((_, i) => i % 12 === 0));
    const x = { shape: given.shape, values: Float64Array.from(given.dataSync()) };
    const ones = { shape: x.shape, values: x.values.map(() => 1) };
    const dy = tensor1d(Float32Array.from(ones.values));
    for (const kind of ACTIVATIONS) {
      const attrs = { activation: kind };
      const y = activation(given, kind);
      const dx = run(OPERATIONS.activationGrad, { x: given, dy }, attrs);
      const [value, slope] = [
        reference.activation({ x }, attrs),
        reference.activationGrad({ x, dy: ones }, attrs),
      ];
      const limits = { atol: 5e-7, rtol: 3e-7 };
      assertAllClose(y.dataSync(), value.values, { ...limits, label: kind });
      const label = `gradient of ${kind}`;
      assertAllClose(dx.dataSync(), slope.values, { atol: 1.5e-6, label });
      y.dispose();
      dx.dispose();
    }
    for (const each of [given, dy]) each.dispose();
    device.dispose();
  });
}
