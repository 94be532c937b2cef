/**
 * What is in hand of a whole service, whose limits hold for all its models together.
 *
 * @module
 */

/** A client's requests that are left, at a time by `performance.now()`. */
export interface Allowance {
  left: number;
  at: number;
}

/** Counts that go up and down. */
export interface ServiceTotals {
  /** Clips that wait or run. */
  clips: number;
  /** Bodies of clips on their way. */
  bodiesArriving: number;
  /** Bytes of bodies until they are answered. */
  bodiesBytes: number;
  /** Streams and detections. */
  sessions: number;
  /** Heads that are taught. */
  taughtHeads: number;
  /** Bytes of their examples. */
  examplesBytes: number;
  /** What clients may still ask for, the one that asked longest ago first. */
  clients: Map<string, Allowance>;
}

/** Those of a service that has nothing to do. */
export function noTotals(): ServiceTotals {
  return {
    clips: 0,
    bodiesArriving: 0,
    bodiesBytes: 0,
    sessions: 0,
    taughtHeads: 0,
    examplesBytes: 0,
    clients: new Map(),
  };
}
