/**
 * The rows that `infer.ts` and `train.ts` print: what is asked for, the process that measures it, and the table.
 *
 * Each row is measured by a process of its own, so that its start, its memory and its compiled code are not another
 * row's. Presets are written into a directory first, so that a row loads what `predict` and `train` would load.
 *
 * @module
 */
import { exportModel, type ExportOptions } from "../src/commands/export.ts";
import { processOutput } from "../src/commands/registry.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { modelFiles } from "../src/pretrained.ts";
import { isPreset, type PresetName, PRESETS } from "../src/train/options/presets.ts";

/** What a row is to measure. */
export interface RowRequest {
  /** The model directory to load: an export, where `dtype` asks for one. */
  directory: string;
  /** The model directory that it was made from. */
  original: string;
  /** Where peers keep what they make of the model. */
  scratch: string;
  task: "infer" | "train";
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
  /** When the process was started, in milliseconds since 1970. */
  spawnedAt: number;
}

/** What a process found. */
export interface Measured {
  /** Of a whole run: samples to scores, or a training step. */
  medianMs: number;
  /** Of a forward pass alone. */
  forwardMs: number;
  /** From the start of the process to the loaded model. */
  loadMs: number;
  /** From the start of the process to the end of the first run. */
  firstMs: number;
  /** The most that was resident. */
  rssMb: number;
}

/** What one of our own processes found. */
export interface MeasuredRates extends Measured {
  gflops: number;
  /** Share of what as many threads can do by fused multiply-adds alone; null on a GPU. */
  peakFraction: number | null;
}

/** A line of the table. */
export interface Row extends MeasuredRates {
  /** Absent in our own rows. */
  peer?: string;
  model: string;
  dtype: string;
  backend: string;
  threads: number;
  batch: number;
  freeze: string;
  seconds: number;
}

const LABELS = ["a", "b", "c", "d"];

/** Writes a preset with random weights as a model directory. */
async function writePreset(name: PresetName, directory: string): Promise<void> {
  const device = await startWasm();
  try {
    const { config, preprocessor } = PRESETS[name];
    const model = await buildModel(config, { labels: LABELS, seed: 1 });
    for (const file of modelFiles(model, featureExtractorFromConfig(preprocessor))) {
      await Deno.writeFile(`${directory}/${file.name}`, ReadableStream.from(file.chunks()));
    }
  } finally {
    device.dispose();
  }
}

/** Exports a model, without a word, on a device that is started if need be. */
export async function writeExport(options: ExportOptions): Promise<void> {
  const none = () => {};
  const silent = { line: none, warn: none, event: none, progress: () => none };
  await startWasm();
  await exportModel(options, { ...processOutput(true), ...silent });
}

/**
 * Calls with a model's directory, and with a folder that is there as long as the call lasts; presets and exports are in
 * it.
 */
export async function withModelDirectory(
  model: string,
  dtype: RowRequest["dtype"],
  use: (directories: Pick<RowRequest, "directory" | "original" | "scratch">) => Promise<void>,
): Promise<void> {
  const scratch = await Deno.makeTempDir({ prefix: "earshot-bench-" });
  try {
    if (isPreset(model)) await writePreset(model, scratch);
    const original = isPreset(model) ? scratch : model;
    const directory = dtype === "f32" ? original : `${scratch}/${dtype}`;
    if (dtype !== "f32") await writeExport({ model: original, output: directory, dtype });
    await use({ directory, original, scratch });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/**
 * Runs a command with a request as its last argument, and reads the JSON on its last line.
 *
 * @throws {RangeError} when the command fails, with what it said.
 */
export async function measureInProcess<Found>(
  [program, ...args]: [string, ...string[]],
  request: Omit<RowRequest, "spawnedAt">,
): Promise<Found> {
  const whole = JSON.stringify({ ...request, spawnedAt: Date.now() });
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, whole],
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (success) return JSON.parse(decode(stdout).split("\n").at(-1)!) as Found;
  throw new RangeError(`Cannot measure with ${program}: ${decode(stderr)}`);
}

/** Our own row, measured by a script of this folder. */
export async function measureOurs(
  script: string,
  request: Omit<RowRequest, "spawnedAt">,
): Promise<MeasuredRates> {
  const path = new URL(script, import.meta.url).pathname;
  return await measureInProcess([Deno.execPath(), "run", "--quiet", "-A", path], request);
}

/** A peer's row: its rates follow from our own, for it does the same arithmetic. */
export function ratesOf(measured: Measured, ours: MeasuredRates): MeasuredRates {
  const gflops = ours.gflops * ours.medianMs / measured.medianMs;
  const { peakFraction } = ours;
  return { ...measured, gflops, peakFraction: peakFraction && peakFraction / ours.gflops * gflops };
}

/** A row in the order of its documentation, numbers as far as they mean something. */
export function rowOf(
  request: Omit<RowRequest, "spawnedAt">,
  found: MeasuredRates & { peer?: string },
  model: string,
): Row {
  const { dtype, backend, threads, batch, freeze, part, seconds } = request;
  const tenths = (value: number) => Math.round(value * 10) / 10;
  return {
    ...(found.peer && { peer: found.peer }),
    model: part === "blocks" ? `${model}, blocks` : model,
    dtype,
    backend: found.peer ?? backend,
    threads,
    batch,
    freeze,
    seconds,
    medianMs: tenths(found.medianMs),
    forwardMs: tenths(found.forwardMs),
    gflops: tenths(found.gflops),
    peakFraction: found.peakFraction && Math.round(found.peakFraction * 1000) / 1000,
    loadMs: Math.round(found.loadMs),
    firstMs: Math.round(found.firstMs),
    rssMb: Math.round(found.rssMb),
  };
}

const HEADINGS = [
  "runs on".padEnd(28),
  ...["threads", "batch", "freeze", "s", "ms", "forward", "GFLOPS", "of peak", "load", "first"],
  "MB",
];

/** The headings of the table, as wide as its rows. */
export function headings(): string {
  return HEADINGS.map((heading) => heading.padStart(8)).join(" ");
}

/** A row for people. */
export function lineOf(row: Row): string {
  const share = row.peakFraction === null ? "–" : `${(100 * row.peakFraction).toFixed(0)} %`;
  const cells = [
    row.threads,
    row.batch,
    row.freeze,
    row.seconds,
    row.medianMs,
    row.forwardMs,
    row.gflops,
    share,
    row.loadMs,
    row.firstMs,
    row.rssMb,
  ];
  return [row.backend.padEnd(28), ...cells.map((cell) => String(cell).padStart(8))].join(" ");
}
