/**
 * How the memory that a service may take is shared out: its threads, what they compute, and the bodies of clips.
 *
 * @module
 */
import type { AppOptions } from "./mod.ts";
import { appOptions, DEFAULT_SETTINGS } from "./settings.ts";

/**
 * What a process takes before there is a model, and while many bodies come at once: measured of a bundle on Deno 2.9
 * for x64.
 */
const PROCESS_BYTES = 88 * 2 ** 20;
/** What a thread takes before its model. */
const THREAD_BYTES = 22 * 2 ** 20;
/** WebAssembly's memory grows by a quarter, what JavaScript throws away is not collected at once. */
const SLACK = 1.3;
/** Bodies get this part of what there is beside the process, with their copies, and no more than this. */
const BODIES_PART = 0.2;
const MOST_BODIES_BYTES = 48 * 2 ** 20;
const LEAST_BODIES_BYTES = 2 ** 20;
/** What bodies take with their copies on the way to a thread, and with what is left of those that were refused. */
const BODY_COPIES = 2.5;

/** What each thread may take for tensors, the weights included, of so much memory in all. */
export function tensorBytesOf(memoryBytes: number, workers: number): number {
  const left = memoryBytes - PROCESS_BYTES - bodiesPart(memoryBytes);
  return Math.max(0, (left / workers - THREAD_BYTES) / SLACK);
}

function bodiesPart(memoryBytes: number): number {
  return Math.min(MOST_BODIES_BYTES, (memoryBytes - PROCESS_BYTES) * BODIES_PART);
}

/** A thread is worth having where it has room for the weights so many times, and for this much besides. */
const LEAST_TIMES = 1.5;
const LEAST_TENSORS = 24 * 2 ** 20;

/** As many threads as there is memory for, each with the weights and some seconds of sound. */
export function workersFor(
  { memoryBytes, weightBytes, most }: { memoryBytes: number; weightBytes: number; most: number },
): number {
  const needed = LEAST_TIMES * weightBytes + LEAST_TENSORS;
  let workers = most;
  while (workers > 1 && tensorBytesOf(memoryBytes, workers) < needed) workers--;
  return workers;
}

/** The memory that one thread needs to compute clips of some seconds whole. */
export function memoryFor(weightBytes: number): number {
  return Math.max(140 * 2 ** 20, 124 * 2 ** 20 + 2.6 * weightBytes);
}

/** Bodies of clips, and what recordings and streams may hold, that leave threads their part. */
export function bodyLimits(memoryBytes: number): MemoryLimits {
  const bytes = Math.round(Math.max(LEAST_BODIES_BYTES, bodiesPart(memoryBytes) / BODY_COPIES));
  return {
    maxBodiesBytes: Math.min(MOST.maxBodiesBytes, bytes),
    maxBodyBytes: Math.min(MOST.maxBodyBytes, bytes),
    maxAheadBytes: Math.min(MOST.maxAheadBytes, Math.round(bytes / SESSIONS)),
    maxSessions: bytes < MOST.maxBodiesBytes ? SESSIONS : MOST.maxSessions,
  };
}

/** Limits that follow from memory. */
type MemoryLimits = Required<
  Pick<AppOptions, "maxBodiesBytes" | "maxBodyBytes" | "maxAheadBytes" | "maxSessions">
>;

const MOST = appOptions(DEFAULT_SETTINGS) as MemoryLimits;
/** Streams and recordings where there is little memory. */
const SESSIONS = 8;
