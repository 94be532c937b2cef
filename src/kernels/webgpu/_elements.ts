/**
 * Programs in which one thread makes one element of the result: the expression is the kernel's, the rest is here.
 *
 * Grid: workgroups of 256 threads, in two axes where one has too few workgroups.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "./_backend.ts";
import {
  type Extent,
  type Program,
  type ProgramConfig,
  type ProgramRun,
  runProgram,
  sizeOf,
  u32,
} from "./_program.ts";

const THREADS = 256;

/** What one run of an element-wise program takes. */
export type ElementsRun<Config extends ProgramConfig> =
  & Omit<
    ProgramRun<Config>,
    "workgroups" | "threads" | "uniforms"
  >
  & {
    uniforms?: ProgramRun<Config>["uniforms"];
    /** Numbers of the result, where its shape does not say it. @default the size of the shape */
    size?: number;
  };

/** Text of a program for `result[i] = expression`, with `i` the flat position. */
export function elements(expression: string, declarations = ""): string {
  return `
    ${declarations}
    fn main() {
      let i = (workgroupId.y * numWorkgroups.x + workgroupId.x) * ${THREADS}u + localIndex;
      if (i < uniforms.elements) {
        result[i] = ${expression};
      }
    }`;
}

/** Runs a program made by {@linkcode elements}; it may read `uniforms.elements`, the size of the result. */
export function runElements<Config extends ProgramConfig>(
  backend: DeviceBackend,
  program: Program<Config>,
  run: ElementsRun<Config>,
): TensorInfo {
  const { size = sizeOf(run.shape) } = run;
  return runProgram(backend, program, {
    ...run,
    uniforms: { elements: u32(size), ...run.uniforms },
    workgroups: spread(backend, Math.ceil(size / THREADS)),
    threads: [THREADS, 1, 1],
  });
}

/** Workgroups in a row, broken into as few lines as the device allows; the last line may be too long. */
export function spread(backend: DeviceBackend, count: number): Extent {
  const lines = Math.ceil(count / backend.device.limits.maxComputeWorkgroupsPerDimension);
  return [Math.ceil(count / lines), lines, 1];
}
