/**
 * Euclidean norm over a list of tensors, left on the device.
 *
 * Computes: `sqrt(sum over tensors and elements of x^2)`.
 * Buffers: a chunk of tensors of any size, read; result [tensors, workgroups], then [1]; f32.
 * Grid: for each tensor of a chunk, as large as the device binds buffers for and at most 31, up to 64 workgroups
 * of 256 threads; then one workgroup per list of partial sums, until one number is left.
 * Memory: 1 KiB; every tensor is read once.
 * Error: 1e-6 of the norm; squares overflow where an element is beyond 1e19.
 * Reference: test/reference/global_norm.ts
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelAttrs, KernelInputs } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { type Program, release, runProgram, sizeOf, u32 } from "./_program.ts";
import { workgroupReduction } from "./_wgsl.ts";

const THREADS = 256;
const MOST_TENSORS = 31;
const MOST_WORKGROUPS = 64;
const ELEMENTS_PER_THREAD = 4;

type SumConfig = { tensors: number; term: "x" | "x * x"; finish: "sum" | "sqrt(sum)" };

const SUMS: Program<SumConfig> = { name: "GlobalNorm", source: sumsText };

function sumsText({ tensors, term, finish }: SumConfig): string {
  const loops = Array.from({ length: tensors }, (_, n) => `
        case ${n}u: {
          for (var i = first; i < uniforms.size${n}; i += step) {
            let x = tensor${n}[i];
            sum += ${term};
          }
        }`);
  return `
    ${workgroupReduction(THREADS)}
    fn main() {
      let first = workgroupId.x * ${THREADS}u + localIndex;
      let step = numWorkgroups.x * ${THREADS}u;
      var sum = 0.0;
      switch (workgroupId.y) {
        ${loops.join("")}
        default: {}
      }
      sum = sumWorkgroup(sum);
      if (localIndex == 0u) {
        result[workgroupId.y * numWorkgroups.x + workgroupId.x] = ${finish};
      }
    }`;
}

/** The list of tensors -> scalar */
export function globalNorm(
  tensors: KernelInputs<"globalNorm">,
  _attrs: KernelAttrs<"globalNorm">,
  backend: DeviceBackend,
): TensorInfo {
  let sums = chunksOf(backend, tensors).map((chunk) => sumChunk(backend, chunk, "x * x", "sum"));
  let done = false;
  while (!done) {
    const chunks = chunksOf(backend, sums);
    done = chunks.length === 1 && chunks[0]!.length === 1;
    const finish = done ? "sqrt(sum)" : "sum";
    const next = chunks.map((chunk) => sumChunk(backend, chunk, "x", finish));
    release(backend, ...sums);
    sums = next;
  }
  return { ...sums[0]!, shape: [] };
}

/** Sums of each tensor, `[tensors, workgroups]`: partial ones of squares, whole ones of partial sums. */
function sumChunk(
  backend: DeviceBackend,
  chunk: TensorInfo[],
  term: SumConfig["term"],
  finish: SumConfig["finish"],
): TensorInfo {
  const sizes = chunk.map(({ shape }) => sizeOf(shape));
  const wanted = Math.ceil(Math.max(...sizes) / (THREADS * ELEMENTS_PER_THREAD));
  const workgroups = term === "x" ? 1 : Math.min(wanted, MOST_WORKGROUPS);
  return runProgram(backend, SUMS, {
    config: { tensors: chunk.length, term, finish },
    inputs: Object.fromEntries(chunk.map((tensor, n) => [`tensor${n}`, tensor])),
    uniforms: Object.fromEntries(sizes.map((size, n) => [`size${n}`, u32(size)])),
    shape: [chunk.length, workgroups],
    workgroups: [workgroups, chunk.length, 1],
    threads: [THREADS, 1, 1],
  });
}

/** The tensors in chunks that fit the bindings of one run, beside its result. */
function chunksOf(backend: DeviceBackend, tensors: TensorInfo[]): TensorInfo[][] {
  const { maxStorageBuffersPerShaderStage: most } = backend.device.limits;
  const size = Math.min(MOST_TENSORS, most - 1);
  const count = Math.ceil(tensors.length / size);
  return Array.from({ length: count }, (_, n) => tensors.slice(n * size, (n + 1) * size));
}
