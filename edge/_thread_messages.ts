/**
 * What the service and its thread of inference say to each other.
 *
 * Messages are copied from one thread to the other, and errors lose their class on the way: they travel as their
 * facts.
 *
 * @module
 */
import type { HeadFacts } from "../src/classify/heads.ts";
import type { ClassifyOptions } from "../src/classify/pipeline.ts";
import type { HeadExamples } from "../src/heads/taught_head.ts";
import type { DetectedEvent, WindowScores } from "../src/detect/mod.ts";
import { TooLongError } from "../src/audio/too_long.ts";
import { AudioFormatError, CheckpointError } from "../src/errors.ts";
import type { ServedDetectOptions } from "./mod.ts";
import type { Group } from "./_queue.ts";

/** Settings of a detection, without what cannot be copied. */
export type DetectionSettings = Omit<
  ServedDetectOptions,
  "signal" | "turn" | "onScores" | "maxSeconds"
>;

/** What is asked of a clip: its classes by one head or by all, or what heads are fitted to. */
export type ClipTask = "classes" | "heads" | "features";

/** To the thread; `id` is the call's. */
export type Question =
  | {
    kind: "classify";
    id: number;
    task: ClipTask;
    bytes: Uint8Array;
    options?: ClassifyOptions;
    /** The clips that are computed at once with it. */
    group?: Group;
  }
  /** Fits a head to examples, or takes it away where there are none. */
  | { kind: "fit"; id: number; name: string; examples?: HeadExamples }
  | { kind: "detect"; id: number; settings: DetectionSettings; wantsScores: boolean }
  /** The next samples, or none where the sound is over. */
  | { kind: "block"; id: number; samples?: Float32Array }
  /** The sound broke off. */
  | { kind: "broken"; id: number; error: ErrorFacts }
  /** The window may be computed. */
  | { kind: "go"; id: number }
  | { kind: "stop"; id: number };

/** From the thread. */
export type Answer =
  | {
    kind: "ready";
    labels: readonly string[];
    device: string;
    detects: boolean;
    /** The longest clip that is computed whole, in seconds. */
    maxSeconds?: number;
    heads?: HeadFacts[];
  }
  | { kind: "unready"; error: ErrorFacts }
  /** The answer to what was asked of a clip or a head. */
  | { kind: "classified"; id: number; result: unknown; notes?: ClipNotes }
  | { kind: "failed"; id: number; error: ErrorFacts; notes?: ClipNotes }
  /** The thread itself can no longer be trusted: a trap in WebAssembly, or no memory. */
  | { kind: "broke"; reason: string }
  /** More sound is wanted. */
  | { kind: "pull"; id: number }
  /** So much sound is about to be computed, and is. */
  | { kind: "turn"; id: number; seconds?: number }
  | { kind: "computed"; id: number }
  | { kind: "scores"; id: number; window: WindowScores }
  | { kind: "event"; id: number; event: DetectedEvent }
  | { kind: "done"; id: number };

/** What a clip was. It comes with the answer: each message costs both threads about as much as decoding a clip. */
export interface ClipNotes {
  decoded: { seconds: number; decodingSeconds: number }[];
  warnings: string[];
}

/** An error without its class. */
export interface ErrorFacts {
  name: string;
  message: string;
  hint?: string;
  file?: string;
  /** Whether it is a recording that can be heard in windows. */
  isTooLong?: boolean;
}

/** An error as it travels. */
export function factsOf(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { name: "TypeError", message: String(error) };
  const { name, message, hint, file } = error as Error & Partial<ErrorFacts>;
  return { name, message, hint, file, isTooLong: error instanceof TooLongError };
}

/** The error that has travelled, of the class that whoever answers a request looks for. */
export function errorOf({ name, message, hint, file, isTooLong }: ErrorFacts): Error {
  if (isTooLong) return new TooLongError(message, { hint, file });
  switch (name) {
    case "AudioFormatError":
      return new AudioFormatError(message, { hint, file });
    case "CheckpointError":
      return new CheckpointError(message, { hint, file });
    case "RangeError":
    case "DeviceError":
    case "ShapeError":
      return Object.assign(new RangeError(message), { hint });
    default:
      return Object.assign(new TypeError(message), { hint });
  }
}
