/**
 * Pieces of speech, and what the speech embedding says of them: at any time, between its windows.
 *
 * @module
 */
import type { Random } from "../../src/random.ts";
import { SPEECH_EMBEDDING_SIZE, SPEECH_HOP } from "./speech_embedding.ts";
import { FRAME_HOP, FRAME_WINDOW } from "./teachers.ts";

/** Frames of a recording, and whether they are all that is loud in it. */
export interface Piece {
  first: number;
  end: number;
  /** What is loud of them, in frames of the recording. */
  said: readonly [first: number, end: number];
  isWhole: boolean;
}

/** Frames around what is loud that a word keeps mostly. */
const MARGIN = 4;
/** How often nothing is kept, as of recordings that were cut by their loudness. */
const CLOSE_SHARE = 0.6;
/** Frames that the embedding hears before and behind its time, nearly. */
const CONTEXT = 30;

/** A word with more or less of what is around it, of no more than `most` frames. */
export function wordPiece(
  [first, end]: readonly [number, number],
  { frames, most, random }: { frames: number; most: number; random: Random },
): Piece {
  if (end - first > most) return sentencePiece([first, end], { most, random });
  const spare = Math.max(0, Math.floor(most) - (end - first));
  const share = random.uniform();
  const margin = random.uniform() < CLOSE_SHARE
    ? () => random.below(MARGIN)
    : () => MARGIN + random.below(Math.ceil(share * spare) + 1);
  const before = Math.min(first, spare, margin());
  const after = Math.min(frames - end, Math.max(0, spare - before), margin());
  return { first: first - before, end: end + after, said: [first, end], isWhole: true };
}

/** Any part of what was said, as long as may be. */
export function sentencePiece(
  [first, end]: readonly [number, number],
  { most, random }: { most: number; random: Random },
): Piece {
  const length = Math.floor(Math.min(most, end - first));
  const from = first + random.below(end - first - length + 1);
  const isWhole = length === end - first;
  return { first: from, end: from + length, said: [from, from + length], isWhole };
}

/** The mean of the embedding from a frame to another. Shape: `[windows, 96]` -> `[96]` */
export function meanOver(
  windows: Float32Array,
  [first, end]: readonly [number, number],
): Float32Array {
  const last = windows.length / SPEECH_EMBEDDING_SIZE - 1;
  const windowOf = (frame: number, round: (place: number) => number) =>
    Math.max(0, Math.min(last, round((frame * FRAME_HOP + FRAME_WINDOW / 2) / SPEECH_HOP)));
  const [from, to] = [windowOf(first, Math.floor), windowOf(end, Math.ceil)];
  const mean = new Float32Array(SPEECH_EMBEDDING_SIZE);
  for (let window = from; window <= to; window++) {
    for (let i = 0; i < mean.length; i++) {
      mean[i]! += windows[window * SPEECH_EMBEDDING_SIZE + i]! / (to - from + 1);
    }
  }
  return mean;
}

/** How tokens lie over frames. */
export interface TokenGrid {
  /** Frames of a token. */
  size: number;
  /** Frames from one to the next. */
  stride: number;
  /** Tokens of a clip. */
  count: number;
}

/**
 * The embedding in the middle of each token of a rendition; the mask is 1 for tokens whose middle lies behind it, and for
 * those around which the embedding heard what was cut off.
 *
 * Shape: `[windows, 96]` -> `targets [tokens, 96]`, `mask [tokens]`
 */
export function atTokens(
  windows: Float32Array,
  { first, frames, before = 0, tempo, said }: {
    first: number;
    frames: number;
    /** Frames of silence before it. */
    before?: number;
    tempo: number;
    said: readonly [first: number, end: number];
  },
  { size, stride, count }: TokenGrid,
): { targets: Float32Array; mask: Int32Array } {
  const targets = new Float32Array(count * SPEECH_EMBEDDING_SIZE);
  const mask = new Int32Array(count).fill(1);
  for (let token = 0; token < count; token++) {
    const middle = token * stride + (size - 1) / 2 - before;
    if (middle > frames) break;
    if (middle < 0) continue;
    const frame = first + tempo * middle;
    if (first > said[0] && frame < first + CONTEXT) continue;
    const end = first + tempo * frames;
    if (end < said[1] && frame > end - CONTEXT) continue;
    const sample = frame * FRAME_HOP + FRAME_WINDOW / 2;
    targets.set(windowAt(windows, sample), token * SPEECH_EMBEDDING_SIZE);
    mask[token] = 0;
  }
  return { targets, mask };
}

/** The embedding around a sample, between the windows before and behind it. */
function windowAt(windows: Float32Array, sample: number): Float32Array {
  const last = windows.length / SPEECH_EMBEDDING_SIZE - 1;
  const place = Math.min(sample / SPEECH_HOP, last);
  const before = Math.floor(place);
  const late = place - before;
  const at = before * SPEECH_EMBEDDING_SIZE;
  const next = Math.min(before + 1, last) * SPEECH_EMBEDDING_SIZE;
  return Float32Array.from(
    { length: SPEECH_EMBEDDING_SIZE },
    (_, i) => (1 - late) * windows[at + i]! + late * windows[next + i]!,
  );
}
