/**
 * A worker that trains a copy of the student on one core.
 *
 * @module
 */
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { directoryFiles } from "../../src/files.ts";
import { openWeights } from "../../src/pretrained.ts";
import { Random } from "../../src/random.ts";
import { Lessons } from "./lessons.ts";
import type { Lesson } from "./rendering.ts";
import { stateSource, type StudentState } from "./student_state.ts";
import {
  FRAMES,
  type InputScale,
  SENTENCE_FRAMES,
  SOUND_FRAMES,
  type StepLosses,
  Student,
  tokenGrid,
  WORD_FRAMES,
} from "./student.ts";

/** What a worker is asked first; it answers with what it found. */
export interface TrainingStart {
  cache: string;
  plan: Lesson[];
  seed: number;
  /** The backbone whose weights it begins with. */
  from?: string;
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

/** Steps by their frames and clips of speech and of sounds, and how often each is taken. */
const KINDS = [
  { frames: WORD_FRAMES, speech: 44, soundFrames: SOUND_FRAMES, share: 0.45 },
  { frames: SENTENCE_FRAMES, speech: 20, soundFrames: SOUND_FRAMES, share: 0.3 },
  { frames: FRAMES, speech: 12, soundFrames: FRAMES, share: 0.25 },
] as const;
const SOUNDS_A_STEP = 12;

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
  const source = start.from === undefined
    ? undefined
    : await openWeights(directoryFiles(start.from));
  try {
    const student = await Student.begin({ labels, seed: start.seed, scale, source });
    ready = { student, lessons, start };
  } finally {
    source?.close();
  }
  return { labels, scale, hours };
}

async function train({ state, steps }: TrainingTask): Promise<TrainingResult> {
  const { student, lessons, start: { seed, index } } = ready;
  if (state) await student.restore(stateSource(state));
  const losses: StepLosses[] = [];
  for (const { step, learningRate } of steps) {
    const random = new Random(seed + 7919 * step + 104_729 * index);
    let place = random.uniform();
    const kind = KINDS.find(({ share }) => (place -= share) < 0) ?? KINDS[0];
    const { frames, speech, soundFrames } = kind;
    const batches = [
      lessons.speech({ clips: speech, frames, random, grid: tokenGrid(frames) }),
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
