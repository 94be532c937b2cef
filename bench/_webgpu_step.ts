/**
 * What a training step costs a WebGPU device besides its arithmetic: runs, submissions and memory, and its time.
 *
 * Where the adapter computes on the processor the time says nothing; the counts are the same on every device that
 * binds as many buffers.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import { startWebgpu } from "../src/kernels/webgpu/mod.ts";
import type { DeviceBackend } from "../src/kernels/webgpu/_backend.ts";
import { type AudioClassificationModel, buildModel, Noise } from "../src/models/mod.ts";
import { AdamW } from "../src/train/step/optimizer.ts";
import type { Batch } from "../src/train/batches/batches.ts";
import { type PresetName, PRESETS } from "../src/train/options/presets.ts";
import { disposeGradients, lossAndGradients } from "../src/train/step/step.ts";
import { ADAMW, noiseBatch } from "./_noise.ts";

/** What was asked for. */
export interface WebgpuStepOptions {
  model: PresetName;
  batch: number;
  seconds: number;
}

/** Runs of a step, by its two halves. */
export interface StepRuns {
  /** Forward and backward. */
  gradients: number;
  optimizer: number;
}

/** A row of the bench. */
export interface WebgpuStepRow extends WebgpuStepOptions {
  adapter: string;
  software: boolean;
  runs: StepRuns;
  /** What one transformer layer adds. */
  runsPerLayer: StepRuns;
  submissions: number;
  /** Tensors read back within a step. */
  reads: number;
  /** Held between steps, and allocated for reuse. */
  heldMiB: number;
  allocatedMiB: number;
  /** From the first program to the end of the last, the fastest of three steps. */
  stepMs: number;
  byProgram: Record<string, number>;
}

const STEPS = 3;

/** Counts and times steps of a preset on the adapter of this machine, noise in, clips of one length. */
export async function measureWebgpuStep(options: WebgpuStepOptions): Promise<WebgpuStepRow> {
  const device = await startWebgpu({ software: true });
  if (!device) throw new RangeError("Cannot measure a step: expected a WebGPU adapter, found none");
  const { config, preprocessor } = PRESETS[options.model];
  const samples = Math.round(preprocessor.sampling_rate as number * options.seconds);
  const clips = noiseBatch([options.batch, samples]);
  const layers = (config.num_hidden_layers ?? 12) as number;
  const fewer = await measure({ ...config, num_hidden_layers: layers - 1 }, clips, 1);
  const whole = await measure({ ...config, num_hidden_layers: layers }, clips, STEPS);
  const { adapter, software } = device;
  device.dispose();
  const runsPerLayer = {
    gradients: whole.runs.gradients - fewer.runs.gradients,
    optimizer: whole.runs.optimizer - fewer.runs.optimizer,
  };
  return { ...options, adapter, software, ...whole, runsPerLayer };
}

type Measured = Omit<
  WebgpuStepRow,
  keyof WebgpuStepOptions | "adapter" | "software" | "runsPerLayer"
>;

async function measure(
  config: Record<string, unknown>,
  clips: Batch,
  steps: number,
): Promise<Measured> {
  const model = await buildModel(config, { labels: ["a", "b", "c", "d"] });
  const optimizer = new AdamW(model.parameters);
  const measured: Measured[] = [];
  for (let step = 0; step < steps; step++) measured.push(await runStep(model, optimizer, clips));
  const { numBytesInGPU, numBytesAllocatedInGPU } = (engine().backend as DeviceBackend).memory();
  optimizer.dispose();
  model.dispose();
  return {
    ...measured.at(-1)!,
    stepMs: Math.min(...measured.map(({ stepMs }) => stepMs)),
    heldMiB: Math.round(numBytesInGPU / 2 ** 20),
    allocatedMiB: Math.round(numBytesAllocatedInGPU / 2 ** 20),
  };
}

async function runStep(
  model: AudioClassificationModel,
  optimizer: AdamW,
  clips: Batch,
): Promise<Measured> {
  const { counts } = engine().backend as DeviceBackend;
  const before = { ...counts, byProgram: new Map(counts.byProgram) };
  const start = performance.now();
  const step = lossAndGradients(model, [clips], { noise: new Noise(1) });
  const gradients = counts.dispatches - before.dispatches;
  optimizer.step(step.gradients, ADAMW).dispose();
  const { dispatches, submissions, reads } = counts;
  const changes = [...counts.byProgram].map(([name, count]): [string, number] => {
    return [name, count - (before.byProgram.get(name) ?? 0)];
  });
  await step.loss.data();
  await (engine().backend as DeviceBackend).queue.onSubmittedWorkDone();
  disposeGradients(step);
  return {
    runs: { gradients, optimizer: dispatches - before.dispatches - gradients },
    submissions: submissions - before.submissions,
    reads: reads - before.reads,
    heldMiB: 0,
    allocatedMiB: 0,
    stepMs: performance.now() - start,
    byProgram: Object.fromEntries(changes.filter(([, count]) => count > 0)),
  };
}

/** The row as lines for people. */
export function webgpuStepLines(row: WebgpuStepRow): string[] {
  const { runs, runsPerLayer } = row;
  const programs = Object.entries(row.byProgram).sort(([, a], [, b]) => b - a);
  return [
    `${row.adapter}${
      row.software ? ", in software" : ""
    }; ${row.model}, ${row.batch} x ${row.seconds} s`,
    `runs per step    ${runs.gradients} forward and backward, ${runs.optimizer} optimiser`,
    `runs per layer   ${runsPerLayer.gradients} forward and backward, ${runsPerLayer.optimizer} optimiser`,
    `submissions      ${row.submissions}, read back within the step: ${row.reads}`,
    `memory           ${row.heldMiB} MiB between steps, ${row.allocatedMiB} MiB allocated`,
    `step             ${row.stepMs.toFixed(1)} ms`,
    ...programs.map(([name, count]) => `  ${name.padEnd(24)} ${String(count).padStart(4)}`),
  ];
}
