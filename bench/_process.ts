/**
 * Measuring in a process of its own, so that its start, its memory and its compiled code are nobody else's: how the
 * runner starts one, and what the process itself shares with the others.
 *
 * Nothing of `src` is imported, so that a peer's process starts with nothing of ours.
 *
 * @module
 */
import { resolve } from "node:path";
import { resourceUsage } from "node:process";
import type { ClockName } from "./_timing.ts";

/** What a process is to measure. */
export interface ModelRequest {
  task: "infer" | "train";
  /** The checkout whose code runs. */
  root: string;
  /** The model directory to load: an export, where `dtype` asks for one. */
  directory: string;
  /** The model directory that it was made from. */
  original: string;
  /** Where peers keep what they make of the model. */
  scratch: string;
  /** How weights are stored; "f32" is the directory as it is, and not its export. */
  dtype: "f32" | "f16" | "q8";
  backend: "wasm" | "webgpu";
  threads: number;
  /** Clips at once. */
  batch: number;
  /** Of each clip. */
  seconds: number;
  freeze: "none" | "encoder";
  /** "blocks" is what needs no convolution: frames through the transformer layers to scores. */
  part: "whole" | "blocks";
  /** Runs that are timed. */
  rounds: number;
  clock: ClockName;
}

/** What a process found of a model. */
export interface Measured {
  /** Of a whole run: samples to scores, or a training step. */
  medianMs: number;
  /** Of a forward pass alone. */
  forwardMs: number;
  /** From the start of the process to the loaded model. */
  loadMs: number;
  /** From the start of the process to the end of the first run. */
  firstMs: number;
  /** What was resident with all code loaded and no model, where it is known. */
  startMb?: number;
  /** The most that was resident until the first answer, or the last step. */
  rssMb: number;
  /** Share of what as many threads can do by multiply-adds alone, where it is known. */
  peakFraction?: number;
  /** Of the second step, which all engines take from the same weights. */
  loss?: number;
}

interface Started {
  /** When the process was started, in milliseconds since 1970. */
  spawnedAt: number;
}

/**
 * Runs a command with a request as its last argument, and reads the JSON on its last line.
 *
 * @throws {RangeError} when the command fails, with what it said.
 */
export async function measureInProcess<Found>(
  [program, ...args]: [string, ...string[]],
  request: unknown,
): Promise<Found> {
  const whole = JSON.stringify({ ...request as object, spawnedAt: Date.now() });
  return JSON.parse((await printedBy(program, [...args, whole])).split("\n").at(-1)!) as Found;
}

/** What a script of this folder prints, run by the configuration of a checkout. */
export async function measureByScript<Found>(script: string, request: unknown): Promise<Found> {
  const { root = ROOT } = request as Partial<ModelRequest>;
  const command = ["run", "--quiet", "-A", "--config", `${root}/deno.json`, pathOf(script)];
  return await measureInProcess([Deno.execPath(), ...command], request);
}

/** Runs the command line of a checkout. */
export async function runCli(root: string, ...args: string[]): Promise<void> {
  const config = ["--config", `${root}/deno.json`];
  await printedBy(Deno.execPath(), ["run", "--quiet", "-A", ...config, `${root}/cli.ts`, ...args]);
}

/** Runs Deno in the root of this checkout; its output is shown only where it fails. */
export async function runDeno(...args: string[]): Promise<void> {
  await printedBy(Deno.execPath(), args, { cwd: ROOT });
}

async function printedBy(
  program: string,
  args: string[],
  { cwd }: { cwd?: string } = {},
): Promise<string> {
  const command = new Deno.Command(program, { args, cwd, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (success) return decode(stdout);
  throw new RangeError(`Cannot measure with ${program}: ${decode(stderr) || decode(stdout)}`);
}

/** The checkout that this file is part of. */
export const ROOT: string = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** A path as it was typed; a task runs in the root of the checkout. */
export function fromWhereTyped(path: string): string {
  return resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);
}

/** A file of this folder. */
export function pathOf(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

/** The request that a process was started with. */
export function readRequest<Request = ModelRequest>(): Request & Started {
  return JSON.parse(Deno.args.at(-1)!);
}

/** Milliseconds since a process was started, the start of Deno included. */
export function sinceSpawn({ spawnedAt }: Started): number {
  return performance.timeOrigin + performance.now() - spawnedAt;
}

/** The most that was resident in this process so far; the kernel's other account holds the parent's peak too. */
export function peakRssMb(): number {
  const status = Deno.build.os === "linux" ? Deno.readTextFileSync("/proc/self/status") : "";
  const kilobytes = Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1] ?? resourceUsage().maxRSS);
  return kilobytes * 1024 / 1e6;
}

/** Noise of a shape whose first axis is clips, labelled 0 to 3 in turn: the batch that every engine gets. */
export function noiseBatch(
  shape: number[],
): { inputs: Float32Array; shape: number[]; labels: Int32Array } {
  let state = 1;
  const size = shape.reduce((product, length) => product * length, 1);
  const inputs = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const labels = Int32Array.from({ length: shape[0]! }, (_, i) => i % 4);
  return { inputs, shape, labels };
}

/** The settings of every training step that a bench takes. */
export const ADAMW = {
  learningRate: 1e-4,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};
