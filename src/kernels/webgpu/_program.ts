/**
 * How a kernel runs one WGSL program on the backend, with a cache key that cannot be too short.
 *
 * The text of a program is made by a function of its `config` and of nothing else, and the whole config goes into
 * the key, with names and types of all that is bound; everything that may differ from call to call goes into
 * uniforms. All tensors are bound as flat arrays, so that a program does not depend on ranks.
 *
 * What the text finds: the inputs as arrays under their names, the results under theirs (`result` where there is
 * one), the scalars in `uniforms`, and `workgroupId`, `numWorkgroups`, `localId` and `localIndex`. It defines
 * `fn main()`. Those four are private variables, which WGSL takes to differ between threads: no barrier may
 * depend on them.
 *
 * @module
 */
import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";
import type { DeviceBackend } from "./_backend.ts";

/** All that the text of a program may depend on; `f16`, where it is true, lets it use that type, as `halves` do. */
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

/** What one run of a program takes besides its text and its results. */
export interface ProgramInputs<Config extends ProgramConfig> {
  config: Config;
  /** Bound in this order. */
  inputs: Record<string, TensorInfo>;
  /** At least one. */
  uniforms: Record<string, Uniform>;
  workgroups: Extent;
  /** Threads in a workgroup. */
  threads: Extent;
  /** Inputs and results that are arrays of four numbers each for the program. */
  vectors?: readonly string[];
  /** Inputs and results that hold f16, whatever type of tensor they are. */
  halves?: readonly string[];
}

/** What one run of a program with one result takes. */
export interface ProgramRun<Config extends ProgramConfig> extends ProgramInputs<Config> {
  /** Shape of the result. */
  shape: number[];
  /** Where to write, instead of into a new tensor. */
  output?: TensorInfo;
}

/** Results by name, each given by its shape or as the tensor to write into. */
export type ProgramOutputs = Readonly<Record<string, number[] | TensorInfo | undefined>>;

/** The results of a run, under the names of its outputs. */
export type Made<Outputs extends ProgramOutputs> = { [Name in keyof Outputs]: TensorInfo };

/** An unsigned integer for a program. */
export function u32(value: number): Uniform {
  return { type: "uint32", value };
}

/** A float for a program. */
export function f32(value: number): Uniform {
  return { type: "float32", value };
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Gives up tensors that a kernel made for itself. */
export function release(backend: DeviceBackend, ...tensors: TensorInfo[]): void {
  for (const { dataId } of tensors) backend.disposeData(dataId);
}

/**
 * Records one run of a program with one result.
 *
 * @returns the new tensor, or `run.output`.
 * @throws {UnsupportedOpError} when the device takes fewer workgroups than are needed.
 */
export function runProgram<Config extends ProgramConfig>(
  backend: DeviceBackend,
  program: Program<Config>,
  { output, shape, ...run }: ProgramRun<Config>,
): TensorInfo {
  const result = output ?? shape;
  return { ...runForAll(backend, program, { ...run, outputs: { result } }).result, shape };
}

/**
 * Records one run of a program with any number of results.
 *
 * @returns the results by name.
 * @throws {UnsupportedOpError} when the device takes fewer workgroups than are needed.
 */
export function runForAll<Config extends ProgramConfig, Outputs extends ProgramOutputs>(
  backend: DeviceBackend,
  program: Program<Config>,
  run: ProgramInputs<Config> & { outputs: Outputs },
): Made<Outputs> {
  assertDispatchable(backend, program.name, run.workgroups);
  const made: TensorInfo[] = [];
  const outputs: Record<string, TensorInfo> = {};
  for (const [name, output] of Object.entries(run.outputs)) {
    if (!output) continue;
    outputs[name] = Array.isArray(output) ? backend.makeTensorInfo(output, "float32") : output;
    if (Array.isArray(output)) made.push(outputs[name]);
  }
  const header = headerOf(run, outputs);
  try {
    backend.record({
      key: `${program.name}${JSON.stringify(run.config)}${header}`,
      name: program.name,
      source: () => `${header}\n${program.source(run.config)}`,
      inputs: Object.values(run.inputs),
      outputs: Object.values(outputs),
      uniforms: uniformBytes(Object.values(run.uniforms)),
      workgroups: run.workgroups,
    });
  } catch (cause) {
    release(backend, ...made);
    throw cause;
  }
  return outputs as Made<Outputs>;
}

const WGSL_TYPE = { uint32: "u32", float32: "f32" } as const;

/** The declarations of all that is bound, and the entry that calls `main()`. */
function headerOf(
  { config, inputs, uniforms, vectors = [], halves = [], threads }: ProgramInputs<ProgramConfig>,
  outputs: Record<string, TensorInfo>,
): string {
  const fields = Object.entries(uniforms).map(([name, { type }]) => `${name}: ${WGSL_TYPE[type]}`);
  const typeOf = (name: string, dtype: DataType) =>
    halves.includes(name) ? "f16" : elementType(dtype);
  const bound = [
    ...Object.keys(outputs).map((name) => ["read_write", name, typeOf(name, "float32")]),
    ...Object.entries(inputs).map(([name, { dtype }]) => ["read", name, typeOf(name, dtype)]),
  ];
  const arrays = bound.map(([access, name, type], binding) => {
    const element = vectors.includes(name!) ? `vec4<${type}>` : type;
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  return `${config.f16 || halves.length > 0 ? "enable f16;" : ""}
struct Uniforms { ${fields.join(", ")} }
${arrays.join("\n")}
@group(0) @binding(${bound.length}) var<uniform> uniforms: Uniforms;
var<private> localId: vec3<u32>;
var<private> localIndex: u32;
var<private> workgroupId: vec3<u32>;
var<private> numWorkgroups: vec3<u32>;
@compute @workgroup_size(${threads.join(", ")})
fn start(
  @builtin(local_invocation_id) ownId: vec3<u32>,
  @builtin(local_invocation_index) ownIndex: u32,
  @builtin(workgroup_id) ownWorkgroup: vec3<u32>,
  @builtin(num_workgroups) allWorkgroups: vec3<u32>,
) {
  localId = ownId;
  localIndex = ownIndex;
  workgroupId = ownWorkgroup;
  numWorkgroups = allWorkgroups;
  main();
}`;
}

function elementType(dtype: DataType): string {
  return dtype === "float32" ? "f32" : "i32";
}

/** Scalars as the struct has them: four bytes each, the whole a multiple of sixteen. */
function uniformBytes(scalars: Uniform[]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(Math.ceil(scalars.length / 4) * 16));
  scalars.forEach(({ type, value }, i) => {
    if (type === "uint32") view.setUint32(4 * i, value, true);
    else view.setFloat32(4 * i, value, true);
  });
  return view.buffer;
}

function assertDispatchable(backend: DeviceBackend, name: string, workgroups: Extent): void {
  const limit = backend.device.limits.maxComputeWorkgroupsPerDimension;
  if (workgroups.every((count) => count <= limit)) return;
  throw new UnsupportedOpError(
    `Cannot run ${name}: expected at most ${limit} workgroups (maxComputeWorkgroupsPerDimension), ` +
      `found [${workgroups}]`,
    { hint: 'Use a smaller batch or shorter clips, or `backend: "wasm"`' },
  );
}
