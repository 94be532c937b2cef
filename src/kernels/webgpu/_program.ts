/**
 * How a kernel runs one WGSL program on the backend, with a cache key that cannot be too short.
 *
 * The backend keeps compiled programs under a key that knows ranks and types but no sizes. Here the text of
 * a program is made by a function of its `config` and of nothing else, and the whole config goes into the
 * key; everything that may differ from call to call goes into uniforms. All tensors are bound as flat
 * arrays, so that a program does not depend on ranks.
 *
 * What the text finds: the inputs as arrays under their names, `result`, the scalars in `uniforms`,
 * and `workgroupId`, `numWorkgroups`, `localId` and `localIndex`. It defines `fn main()`. Those four are private
 * variables, which WGSL takes to differ between threads: no barrier may depend on them.
 *
 * @module
 */
import type { KernelConfig, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { UnsupportedOpError } from "../../errors.ts";

/** All that the text of a program may depend on. */
export type ProgramConfig = Readonly<Record<string, string | number | boolean>>;

/** Three numbers of workgroups, or of threads in one. */
export type Extent = [number, number, number];

/** A WGSL program, compiled once for each config. */
export interface Program<Config extends ProgramConfig> {
  /** First part of the cache key; no two programs may share it. */
  name: string;
  /** The WGSL text, from the config alone. */
  source(config: Config): string;
}

/** One scalar for a program, with its WGSL type. */
export interface Uniform {
  type: "uint32" | "float32";
  value: number;
}

/** What one run of a program takes besides its text. */
export interface ProgramRun<Config extends ProgramConfig> {
  config: Config;
  /** Bound in this order; each must be read by the program. */
  inputs: Record<string, TensorInfo>;
  /** At least one, and at least one must be read by the program. */
  uniforms: Record<string, Uniform>;
  /** Shape of the result. */
  shape: number[];
  workgroups: Extent;
  /** Threads in a workgroup. */
  threads: Extent;
  /** Where to write, instead of into a new tensor. */
  output?: TensorInfo;
  /** Inputs that are arrays of `vec4<f32>` for the program, and so is the result if `"result"` is among them. */
  vectors?: string[];
}

/** Body of a kernel: tensors by name or as a list, attributes, and the backend in use. */
export type KernelBody<Attrs> = (
  backend: WebGPUBackend,
  inputs: Record<string, TensorInfo>,
  attrs: Attrs,
) => TensorInfo | TensorInfo[];

/** An unsigned integer for a program. */
export function u32(value: number): Uniform {
  return { type: "uint32", value };
}

/** A float for a program. */
export function f32(value: number): Uniform {
  return { type: "float32", value };
}

/** A kernel of the contract under its name; attributes have the type that the contract gives them. */
export function kernel<Attrs>(kernelName: string, body: KernelBody<Attrs>): KernelConfig {
  return {
    kernelName,
    backendName: "webgpu",
    kernelFunc: ({ inputs, attrs, backend }) =>
      body(
        backend as WebGPUBackend,
        inputs as NamedTensorInfoMap as Record<string, TensorInfo>,
        attrs as Attrs,
      ),
  };
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Gives up tensors that a kernel made for itself. */
export function release(backend: WebGPUBackend, ...tensors: TensorInfo[]): void {
  for (const { dataId } of tensors) backend.disposeData(dataId);
}

/**
 * Records one run of a program.
 *
 * @returns the new tensor, or `run.output`.
 * @throws {UnsupportedOpError} when the device takes fewer workgroups than are needed.
 */
export function runProgram<Config extends ProgramConfig>(
  backend: WebGPUBackend,
  program: Program<Config>,
  run: ProgramRun<Config>,
): TensorInfo {
  assertDispatchable(backend, program.name, run.workgroups);
  const size = sizeOf(run.shape);
  const uniforms = Object.entries(run.uniforms);
  const declared = uniforms.map(([name, { type }]) => `${name} : ${WGSL_TYPE[type]},`).join(" ");
  const componentsOf = (name: string) => run.vectors?.includes(name) ? 4 : 1;
  const { dataId } = backend.runWebGPUProgram(
    {
      shaderKey: `Earshot${program.name}${JSON.stringify([run.config, run.vectors])}${declared}`,
      getUserCode: () => program.source(run.config),
      variableNames: Object.keys(run.inputs),
      variableComponents: Object.keys(run.inputs).map(componentsOf),
      outputComponent: componentsOf("result"),
      uniforms: declared,
      outputShape: [size],
      workgroupSize: run.threads,
      dispatch: run.workgroups,
      dispatchLayout: LAYOUT,
    },
    Object.values(run.inputs).map((input) => flat(input)),
    "float32",
    uniforms.map(([, { type, value }]) => ({ type, data: [value] })),
    run.output && flat(run.output),
  );
  return { dataId, shape: run.shape, dtype: "float32" };
}

const WGSL_TYPE = { uint32: "u32", float32: "f32" } as const;

/** Two axes, so that the backend calls `main()` without an index of its own making. */
const LAYOUT = { x: [0], y: [0] };

function flat({ dataId, shape, dtype }: TensorInfo): TensorInfo {
  return { dataId, shape: [sizeOf(shape)], dtype };
}

function assertDispatchable(backend: WebGPUBackend, name: string, workgroups: Extent): void {
  const limit = backend.device.limits.maxComputeWorkgroupsPerDimension;
  if (workgroups.every((count) => count <= limit)) return;
  throw new UnsupportedOpError(
    `Cannot run ${name}: expected at most ${limit} workgroups (maxComputeWorkgroupsPerDimension), ` +
      `found [${workgroups}]`,
    { hint: "Use a smaller batch or shorter clips, or --backend wasm" },
  );
}
