/**
 * The most that a GPU's arithmetic units do: multiply-adds between registers, no memory touched.
 *
 * Each thread adds up sixteen vectors that do not wait for each other.
 *
 * @module
 */
import { engine, type TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "../src/kernels/webgpu/_backend.ts";
import { f32, type Program, release, runProgram } from "../src/kernels/webgpu/_program.ts";

const THREADS = 256;
const VECTORS = 16;
const LANES = 4;
const TRIALS = 5;
/** Long enough that a start costs nothing beside it. */
const LEAST_MS = 20;
const MOST_PASSES = 2 ** 16;

const FMA_LOOP: Program<{ passes: number }> = {
  name: "FmaLoop",
  source: ({ passes }) => `
    fn main() {
      let a = vec4<f32>(uniforms.factor);
      let at = workgroupId.x * ${THREADS}u + localIndex;
      var sums: array<vec4<f32>, ${VECTORS}>;
      for (var i = 0u; i < ${VECTORS}u; i++) { sums[i] = vec4<f32>(f32(at + i)); }
      for (var k = 0u; k < ${passes}u; k++) {
        ${each((i) => `sums[${i}] = fma(sums[${i}], a, a);`)}
      }
      var total = vec4<f32>();
      ${each((i) => `total += sums[${i}];`)}
      result[at] = total.x + total.y + total.z + total.w;
    }`,
};

function each(line: (i: number) => string): string {
  return Array.from({ length: VECTORS }, (_, i) => line(i)).join("\n");
}

/** Floating-point operations a millisecond, the best of a few trials on the device in use. */
export async function gpuPeakFlopsPerMs(): Promise<number> {
  const groups = 4096;
  let passes = 16;
  while (passes < MOST_PASSES && await loopMs(groups, passes) < LEAST_MS) passes *= 2;
  const times: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) times.push(await loopMs(groups, passes));
  return 2 * LANES * VECTORS * passes * groups * THREADS / Math.min(...times);
}

async function loopMs(groups: number, passes: number): Promise<number> {
  const backend = engine().backend as DeviceBackend;
  const run = (): TensorInfo =>
    runProgram(backend, FMA_LOOP, {
      config: { passes },
      inputs: {},
      uniforms: { factor: f32(0.5) },
      shape: [groups * THREADS],
      workgroups: [groups, 1, 1],
      threads: [THREADS, 1, 1],
    });
  release(backend, run()); // compiles
  return await doneMs(backend, () => release(backend, run()));
}

/** From a body's first command to the end of its last on the device, in milliseconds. */
export async function doneMs(backend: DeviceBackend, body: () => void): Promise<number> {
  const handOver = async () => {
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.queue.onSubmittedWorkDone();
  };
  await handOver();
  const start = performance.now();
  body();
  await handOver();
  return performance.now() - start;
}
