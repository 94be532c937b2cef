/**
 * What the page needs of a model, wherever it computes: in a service, or in the browser itself.
 *
 * @module
 */

import type { Heard, HeardEvent, HeardWindow } from "../site_messages.ts";

export type { Heard, HeardEvent, HeardWindow };

/** Gets what is found in sound that goes on. */
export interface Listener {
  /** Which head answers; the model's own where there is none. */
  head?: string;
  /** Ends it. */
  signal: AbortSignal;
  window(found: HeardWindow): void;
  event(found: HeardEvent): void;
}

/** Live sound, in pieces. */
export interface LiveSound extends AsyncIterable<Float32Array> {
  samplingRate: number;
}

/** A file that can be kept. */
export interface NamedFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** A model that answers. */
export interface Engine {
  /** One line: what answers, and where. */
  readonly about: string;
  /** One line: where the sound goes. */
  readonly privacy: string;
  /** Classes of the model's own head. */
  readonly labels: readonly string[];
  /** Names of the heads, where there are several. */
  heads(): readonly string[];
  /** The five best classes of a clip. */
  classify(clip: Blob, head?: string): Promise<Heard[]>;
  /** The events of a recording. */
  detect(recording: Blob, listener: Listener): Promise<void>;
  /** What is heard while it sounds. */
  listen(sound: LiveSound, listener: Listener): Promise<void>;
  /** Heads that are trained here; undefined where none may be. */
  readonly teaching?: EngineTeaching;
}

/** Trains heads. */
export interface EngineTeaching {
  /** Whether a token has to be typed in. */
  readonly needsToken: boolean;
  /** Takes an example. */
  add(head: string, example: { label: string; clip: Blob; token: string }): Promise<void>;
  /** Fits the head, and gives the files of its directory. */
  train(head: string, token: string): Promise<NamedFile[]>;
}

/** An error whose message is for people. */
export class EngineError extends TypeError {
  override readonly name = "EngineError";
  /** Whether a key is missing or wrong. */
  readonly wantsKey: boolean;

  /** @param message one line. */
  constructor(message: string, { wantsKey = false }: { wantsKey?: boolean } = {}) {
    super(message);
    this.wantsKey = wantsKey;
  }
}
