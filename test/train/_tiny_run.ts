/**
 * Runs of the trainer that take a moment: the tiny model on tones of three pitches.
 *
 * @module
 */
import { join } from "node:path";
import { buildModel } from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";
import { TrainingArguments, type TrainingOptions } from "../../src/train/options/arguments.ts";
import type { Batch, BatchSource } from "../../src/train/batches/batches.ts";
import type { TrainerCallback } from "../../src/train/callbacks/callbacks.ts";
import type { LogEntry } from "../../src/train/checkpoints/state.ts";
import { Trainer, type TrainerOptions, type TrainOutput } from "../../src/train/loop/trainer.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_CONFIG, tinyExtractor, tone } from "../tiny_model.ts";

/** Shows nothing, and keeps the trainer from showing anything. */
export const QUIET: TrainerCallback = { showsProgress: true };

/** What a run is made of besides its defaults. */
export interface TinyRunOptions extends Partial<Omit<TrainerOptions, "args" | "model">> {
  args?: Partial<TrainingOptions>;
  /** Fields of the model's config. */
  config?: Record<string, unknown>;
  /** Seed of the model's weights. @default 1 */
  modelSeed?: number;
  resumeFromCheckpoint?: string | boolean;
}

/** A run that has ended. */
export interface TinyRun {
  trainer: Trainer;
  output: TrainOutput;
}

/** Clips of a source: tones with noise, five classes by pitch, each epoch in an order of its own. */
export function tinySource(
  clips: number,
  seed = 3,
  onBatch?: (count: number) => void,
): BatchSource {
  const random = new Random(seed);
  const inputs = Array.from({ length: clips }, (_, i) => {
    return tone(600, 1 + i % 5).map((sample) => sample + 0.1 * random.normal());
  });
  let yielded = 0;
  return {
    size: clips,
    batchCount: (batchSize) => Math.ceil(clips / batchSize),
    async *batches(epoch, { batchSize, skip = 0 }): AsyncIterable<Batch> {
      const order = epoch < 0 ? [...inputs.keys()] : [...new Random(epoch).permutation(clips)];
      for (let at = skip * batchSize; at < clips; at += batchSize) {
        const picked = order.slice(at, at + batchSize);
        onBatch?.(++yielded);
        yield await Promise.resolve({
          inputs: Float32Array.from(picked.flatMap((i) => [...inputs[i]!])),
          shape: [picked.length, 600],
          labels: Int32Array.from(picked, (i) => i % 5),
        });
      }
    },
  };
}

/** Trains the tiny model; by default 3 epochs of 3 steps, each of up to 2 batches of 2 clips. */
export async function tinyRun(options: TinyRunOptions & { outputDir: string }): Promise<TinyRun> {
  const { outputDir, args, config, modelSeed = 1, resumeFromCheckpoint, callbacks = [], ...rest } =
    options;
  const model = await buildModel({ ...TINY_CONFIG, ...config }, { seed: modelSeed });
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({
      outputDir,
      learningRate: 1e-2,
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 2,
      ...args,
    }),
    trainDataset: tinySource(10),
    evalDataset: tinySource(5, 4),
    featureExtractor: tinyExtractor(),
    callbacks: [QUIET, ...callbacks],
    onNotice: () => {},
    ...rest,
  });
  try {
    return { trainer, output: await trainer.train({ resumeFromCheckpoint }) };
  } finally {
    model.dispose();
  }
}

/** Registers a test on one WASM thread, with a folder of its own. */
export function runTest(
  name: string,
  body: (directory: string) => Promise<void>,
  { ignore = false }: { ignore?: boolean } = {},
): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      const directory = await Deno.makeTempDir({ prefix: "earshot-train-" });
      const device = await startTestWasm({ threads: 1 });
      try {
        await body(directory);
      } finally {
        device.dispose();
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

/** SHA-256 of the weights that a run left in a directory. */
export async function weightsDigest(directory: string): Promise<string> {
  const bytes = await Deno.readFile(join(directory, "model.safetensors"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The log without what depends on the clock. */
export function timelessLog(trainer: Trainer): LogEntry[] {
  return trainer.state.logHistory.map((entry) => {
    const kept = Object.entries(entry).filter(([key]) => !/runtime|per_second/.test(key));
    return Object.fromEntries(kept) as LogEntry;
  });
}

/** Checkpoints in a directory, by step. */
export function checkpointsIn(directory: string): string[] {
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  const steps = names.filter((name) => name.startsWith("checkpoint-"));
  return steps.sort((a, b) => Number(a.slice(11)) - Number(b.slice(11)));
}
