/**
 * What the page of a site and its worker say to each other.
 *
 * @module
 */

/** A class and its score. */
export interface Heard {
  label: string;
  score: number;
}

/** What was heard from when to when, in seconds. */
export interface HeardEvent extends Heard {
  start: number;
  end: number;
}

/** The scores of a window, the best first. */
export interface HeardWindow {
  start: number;
  end: number;
  best: Heard[];
}

/** To the worker, with a port for the answers. */
export type Asked =
  | { kind: "load" }
  | { kind: "classify"; clip: Blob; head?: string }
  | { kind: "detect"; recording: Blob; head?: string }
  /** Samples follow over the port. */
  | { kind: "listen"; rate: number; head?: string }
  | { kind: "features"; clip: Blob }
  | { kind: "fit"; head: string; examples: { vectors: Float32Array[]; labels: string[] } };

/** More of a call, over its port. */
export type More =
  /** The next samples; none where the sound is over. */
  | { kind: "piece"; piece?: Float32Array }
  | { kind: "stop" };

/** From the worker, over the port. */
export type Said =
  | { kind: "loading"; text: string }
  | { kind: "window"; found: HeardWindow }
  | { kind: "event"; found: HeardEvent }
  | { kind: "done"; value: unknown }
  | { kind: "failed"; message: string };

/** A model that is there. */
export interface Loaded {
  labels: readonly string[];
  heads: readonly string[];
  /** In words. */
  device: string;
}

/** What a site says of its files, in `site.json`. */
export interface SiteFacts {
  /** The model's directory or its id on the hub, as it was named. */
  model: string;
  /** SHA-256 of the model's files. */
  hashes: Record<string, string>;
  /** Names of heads, in folders of `heads`. */
  heads: string[];
}
