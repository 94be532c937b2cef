/**
 * The run: a copy of the student on each core learns by itself for some steps, then all copies go on from their mean.
 *
 * What a step draws depends on the seed, its number and that of the copy alone, and checkpoints are taken when all
 * copies are one, so that a run that was killed goes on as it would have.
 *
 * Source: Stich 2019, "Local SGD converges fast and communicates little".
 *
 * @module
 */
import { join } from "node:path";
import { CheckpointError } from "../../src/errors.ts";
import { directoryFiles, entryIfThere, writeFileAtomic } from "../../src/files.ts";
import { openSafetensors } from "../../src/weights/safetensors.ts";
import { streamSafetensors } from "../../src/weights/safetensors_writer.ts";
import type { Lesson } from "./rendering.ts";
import type { StepLosses } from "./student.ts";
import { meanState, type StudentState } from "./student_state.ts";
import type {
  LessonFacts,
  TrainingResult,
  TrainingStart,
  TrainingTask,
} from "./training_worker.ts";

/** How a run goes. */
export interface RunOptions {
  /** Where the lessons are. */
  cache: string;
  plan: Lesson[];
  /** Where checkpoints are kept. */
  folder: string;
  steps: number;
  seed: number;
  /** The backbone whose weights they begin with. @default drawn at random */
  from?: string;
  /** Copies of the student. */
  copies: number;
  onStart(facts: LessonFacts): void;
  /** Called with the mean of the losses since the last call. */
  onProgress(step: number, losses: StepLosses, seconds: number): void;
  /** Called when a checkpoint was written. */
  onCheckpoint(state: StudentState, facts: LessonFacts): Promise<void>;
}

const LEARNING_RATE = 1e-3;
const WARMUP_STEPS = 100;
/** When the learning rate begins to fall, as a share of the run. */
const FALL = 0.25;
/** Steps of a copy by itself. */
const ALONE = 20;
/** Rounds of these between checkpoints. */
const CHECKPOINT_ROUNDS = 5;
const CHECKPOINT = "checkpoint.safetensors";
const STEP = "step";

/** Trains up to the last step. */
export async function run(options: RunOptions): Promise<void> {
  const { cache, plan, folder, steps, seed, from, copies } = options;
  const threads = Array.from({ length: copies }, () => new TrainingThread());
  try {
    const all = await Promise.all(
      threads.map((thread, index) => thread.begin({ cache, plan, seed, from, index })),
    );
    const facts = all[0]!;
    options.onStart(facts);
    let { step, state } = await restored(folder);
    for (let round = 1; step < steps; round++) {
      const begun = performance.now();
      const next = Array.from({ length: Math.min(ALONE, steps - step) }, (_, i) => ({
        step: step + i + 1,
        learningRate: rateAt(step + i + 1, steps),
      }));
      const results = await Promise.all(
        threads.map((thread) => thread.train({ state, steps: next })),
      );
      state = meanState(results.map(({ state }) => state));
      step += next.length;
      const losses = meanLosses(results.flatMap(({ losses }) => losses));
      options.onProgress(step, losses, (performance.now() - begun) / 1000);
      if (round % CHECKPOINT_ROUNDS !== 0 && step < steps) continue;
      await save(state, folder, step);
      await options.onCheckpoint(state, facts);
    }
  } finally {
    for (const thread of threads) thread.end();
  }
}

/** Up, level, and down in a line. */
export function rateAt(step: number, steps: number): number {
  const up = step / WARMUP_STEPS;
  const down = (steps - step + 1) / (steps * (1 - FALL));
  return LEARNING_RATE * Math.min(1, up, down);
}

function meanLosses(parts: readonly StepLosses[]): StepLosses {
  const of = (kind: keyof StepLosses) =>
    parts.reduce((sum, part) => sum + part[kind], 0) / parts.length;
  return {
    labels: of("labels"),
    numbers: of("numbers"),
    tokens: of("tokens"),
    scores: of("scores"),
  };
}

async function save(state: StudentState, folder: string, step: number): Promise<void> {
  const tensors = [...state].map(([name, { shape, values }]) => ({
    name,
    shape,
    dtype: "F32" as const,
    values: () => values,
  }));
  const count = { name: STEP, dtype: "F32" as const, shape: [1] };
  const output = streamSafetensors(
    [{ ...count, values: () => Float32Array.of(step) }, ...tensors],
    {},
  );
  await writeFileAtomic(join(folder, CHECKPOINT), output.chunks());
}

/** The newest checkpoint; step 0 where there is none. */
async function restored(folder: string): Promise<{ step: number; state?: StudentState }> {
  if (!await entryIfThere(join(folder, CHECKPOINT))) return { step: 0 };
  const saved = await openSafetensors((await directoryFiles(folder).open(CHECKPOINT))!);
  try {
    const state: StudentState = new Map();
    for (const name of saved.names()) {
      if (name === STEP) continue;
      state.set(name, { shape: [...saved.shape(name)!], values: await saved.read(name) });
    }
    const [step] = await saved.read(STEP);
    return { step: step!, state };
  } finally {
    saved.close();
  }
}

/** A worker that is asked one thing at a time. */
class TrainingThread {
  readonly #worker = new Worker(new URL("./training_worker.ts", import.meta.url), {
    type: "module",
  });

  begin(start: TrainingStart): Promise<LessonFacts> {
    return this.#ask<LessonFacts>(start);
  }

  train(task: TrainingTask): Promise<TrainingResult> {
    return this.#ask<TrainingResult>(task);
  }

  async #ask<Answer extends object>(question: TrainingStart | TrainingTask): Promise<Answer> {
    const answer = await new Promise<Answer | { fault: string }>((resolve) => {
      this.#worker.onmessage = ({ data }: MessageEvent<Answer | { fault: string }>) =>
        resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        resolve({ fault: event.message });
      };
      this.#worker.postMessage(question);
    });
    if (!("fault" in answer)) return answer;
    throw new CheckpointError(`Cannot train: ${answer.fault}`, { file: "student" });
  }

  end(): void {
    this.#worker.terminate();
  }
}
