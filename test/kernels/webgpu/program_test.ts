import { deepEqual, throws } from "node:assert/strict";
import { engine, tensor1d, type TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "../../../src/kernels/webgpu/_backend.ts";
import { UnsupportedOpError } from "../../../src/errors.ts";
import { elements, runElements } from "../../../src/kernels/webgpu/_elements.ts";
import { f32, type Program, release, runProgram } from "../../../src/kernels/webgpu/_program.ts";
import { gpuTest, guaranteedTest } from "./_gpu.ts";

const SCALE: Program<{ factor: number }> = {
  name: "TestScale",
  source: ({ factor }) => elements(`x[i] * ${factor}.0 + uniforms.shift`),
};

function scaled(x: TensorInfo, factor: number, shift: number): TensorInfo {
  const run = { config: { factor }, inputs: { x }, uniforms: { shift: f32(shift) } };
  return runElements(engine().backend as DeviceBackend, SCALE, { ...run, shape: x.shape });
}

gpuTest("runProgram() compiles anew for another config, and not for other uniforms", async () => {
  const backend = engine().backend as DeviceBackend;
  const compiled: string[] = [];
  const source = SCALE.source;
  SCALE.source = (config) => {
    compiled.push(JSON.stringify(config));
    return source(config);
  };
  const x = tensor1d([1, 2, 3]);
  const results = [scaled(x, 2, 0), scaled(x, 3, 0), scaled(x, 2, 0.5)];
  const values = await Promise.all(results.map(({ dataId }) => backend.read(dataId)));
  deepEqual(values.map((row) => [...row as Float32Array]), [[2, 4, 6], [3, 6, 9], [2.5, 4.5, 6.5]]);
  deepEqual(compiled, ['{"factor":2}', '{"factor":3}']);
  SCALE.source = source;
  release(backend, ...results);
  x.dispose();
});

gpuTest("runProgram() refuses more workgroups than the device takes", ({ limits }) => {
  const limit = limits.maxComputeWorkgroupsPerDimension!;
  throws(
    () =>
      runProgram(engine().backend as DeviceBackend, SCALE, {
        config: { factor: 1 },
        inputs: {},
        uniforms: {},
        shape: [1],
        workgroups: [1, limit + 1, 1],
        threads: [1, 1, 1],
      }),
    (error) => error instanceof UnsupportedOpError && /maxComputeWorkgroups/.test(error.message),
  );
});

guaranteedTest("runElements() reaches every element past one line of workgroups", async () => {
  const backend = engine().backend as DeviceBackend;
  const size = 256 * backend.device.limits.maxComputeWorkgroupsPerDimension + 1000;
  const counting: Program<Record<never, never>> = {
    name: "TestCount",
    source: () => elements("f32(i % 16384u)"),
  };
  const result = runElements(backend, counting, { config: {}, inputs: {}, shape: [size] });
  const values = await backend.read(result.dataId) as Float32Array;
  const wrong = values.findIndex((value, i) => value !== i % 16384);
  deepEqual([values.length, wrong], [size, -1]);
  release(backend, result);
});

gpuTest("runProgram() counts what a program binds", () => {
  const backend = engine().backend as DeviceBackend;
  const boundBytes = () => backend.counts.byProgram.get(SCALE.name)?.bytes ?? 0;
  const before = boundBytes();
  const x = tensor1d([1, 2, 3]);
  release(backend, scaled(x, 2, 0));
  deepEqual(boundBytes() - before, 2 * 3 * 4);
  x.dispose();
});
