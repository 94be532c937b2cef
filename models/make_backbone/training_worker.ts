/**
 * A worker that trains a copy of the student on one core.
 *
 * @module
 */
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { Random } from "../../src/random.ts";
import { Lessons } from "./lessons.ts";
import type { Lesson } from "./rendering.ts";
import { stateSource, type StudentState } from "./student_state.ts";
import {
  FRAMES,
  type InputScale,
  SOUND_FRAMES,
  SPEECH_FRAMES,
  type StepLosses,
  Student,
  tokenGrid,
} from "./student.ts";

/** What a worker is asked first; it answers with what it found. */
export interface TrainingStart {
  cache: string;
  plan: Lesson[];
  seed: number;
  /** Its number among the workers. */
  index: number;
}

/** What is in the lessons. */
export interface LessonFacts {
  labels: readonly string[];
  scale: InputScale;
  hours: number;
}

/** Steps to take from a state, or from where it is; it answers with the state behind them. */
export interface TrainingTask {
  state?: StudentState;
  /** The number and the learning rate of each step. */
  steps: { step: number; learningRate: number }[];
}

/** Where some steps led. */
export interface TrainingResult {
  state: StudentState;
  losses: StepLosses[];
}

/** Clips of speech in a step where they are short, and where they stand in the full length. */
const SPEECH_A_STEP = { short: 32, full: 12 };
const SOUNDS_A_STEP = 12;
/** How often all stand in the full length. */
const FULL_SHARE = 0.2;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<TrainingStart | TrainingTask>) => void;
  postMessage(answer: LessonFacts | TrainingResult | { fault: string }): void;
};

let ready: { student: Student; lessons: Lessons; start: TrainingStart };

scope.onmessage = async ({ data }) => {
  try {
    scope.postMessage("cache" in data ? await begin(data) : await train(data));
  } catch (error) {
    scope.postMessage({ fault: error instanceof Error ? error.message : String(error) });
  }
};

async function begin(start: TrainingStart): Promise<LessonFacts> {
  await startWasm({ threads: 1 });
  const lessons = await Lessons.read(start.cache, start.plan);
  const { labels, hours } = lessons;
  const scale = lessons.statistics();
  ready = { student: await Student.draw({ labels, seed: start.seed, scale }), lessons, start };
  return { labels, scale, hours };
}

async function train({ state, steps }: TrainingTask): Promise<TrainingResult> {
  const { student, lessons, start: { seed, index } } = ready;
  if (state) await student.restore(stateSource(state));
  const losses: StepLosses[] = [];
  for (const { step, learningRate } of steps) {
    const random = new Random(seed + 7919 * step + 104_729 * index);
    const isFull = random.uniform() < FULL_SHARE;
    const { frames, clips, soundFrames } = isFull
      ? { frames: FRAMES, clips: SPEECH_A_STEP.full, soundFrames: FRAMES }
      : { frames: SPEECH_FRAMES, clips: SPEECH_A_STEP.short, soundFrames: SOUND_FRAMES };
    const batches = [
      lessons.speech({ clips, frames, random, grid: tokenGrid(frames) }),
      lessons.sounds({ clips: SOUNDS_A_STEP, frames: soundFrames, random }),
    ];
    losses.push(await student.step(batches, learningRate));
  }
  const now: StudentState = new Map();
  for (const { name, shape, values } of student.tensors()) {
    now.set(name, { shape: [...shape], values: (await values()) as Float32Array });
  }
  return { state: now, losses };
}
