/**
 * Pieces of speech, and what the speech embedding says of them: at any time, between its windows.
 *
 * @module
 */
import type { Random } from "../../src/random.ts";
import { SPEECH_EMBEDDING_SIZE, SPEECH_HOP } from "./speech_embedding.ts";
import { FRAME_HOP, FRAME_WINDOW, SPEECH_NUMBERS, SPEECH_PLACES } from "./teachers.ts";

/** Frames of a recording, and whether they are all that is loud in it. */
export interface Piece {
  first: number;
  end: number;
  /** What the five places lie in, in frames of the recording. */
  said: readonly [first: number, end: number];
  isWhole: boolean;
}

/** Frames around what is loud that a word keeps mostly. */
const MARGIN = 4;
/** How often nothing is kept, as of recordings that were cut by their loudness. */
const CLOSE_SHARE = 0.3;
/** How often a part of a word is taken in the place of a word. */
const PART_SHARE = 0.15;
/** Frames of the shortest and the longest piece of a sentence. */
const SHORTEST = 25;
const LONGEST = 250;

/** A word with more or less of what is around it, or a part of it, of no more than `most` frames. */
export function wordPiece(
  [first, end]: readonly [number, number],
  { frames, most, random }: { frames: number; most: number; random: Random },
): Piece {
  if (random.uniform() < PART_SHARE && end - first > SHORTEST) {
    return sentencePiece([first, end], { most: Math.min(most, end - first), random });
  }
  const spare = Math.max(0, Math.floor(most) - (end - first));
  const share = random.uniform();
  const margin = random.uniform() < CLOSE_SHARE
    ? () => random.below(MARGIN)
    : () => MARGIN + random.below(Math.ceil(share * spare) + 1);
  const before = Math.min(first, spare, margin());
  const after = Math.min(frames - end, Math.max(0, spare - before), margin());
  return { first: first - before, end: end + after, said: [first, end], isWhole: true };
}

/** Any part of what was said. */
export function sentencePiece(
  [first, end]: readonly [number, number],
  { most, random }: { most: number; random: Random },
): Piece {
  const longest = Math.floor(Math.min(most, LONGEST, end - first));
  const length = Math.min(longest, SHORTEST + random.below(Math.max(1, longest - SHORTEST + 1)));
  const from = first + random.below(end - first - length + 1);
  return { first: from, end: from + length, said: [from, from + length], isWhole: false };
}

/** The embedding at five places, evenly over some frames. Shape: `[windows, 96]` -> `[SPEECH_NUMBERS]` */
export function atPlaces(
  windows: Float32Array,
  [first, end]: readonly [number, number],
): Float32Array {
  const [from, to] = [first * FRAME_HOP, end * FRAME_HOP + FRAME_WINDOW - FRAME_HOP];
  const taken = new Float32Array(SPEECH_NUMBERS);
  for (let place = 0; place < SPEECH_PLACES; place++) {
    const sample = from + (to - from) * (place + 0.5) / SPEECH_PLACES;
    taken.set(windowAt(windows, sample), place * SPEECH_EMBEDDING_SIZE);
  }
  return taken;
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
 * The embedding in the middle of each token of a rendition; the mask is 1 for tokens whose middle lies behind it.
 *
 * Shape: `[windows, 96]` -> `targets [tokens, 96]`, `mask [tokens]`
 */
export function atTokens(
  windows: Float32Array,
  { first, frames, tempo }: { first: number; frames: number; tempo: number },
  { size, stride, count }: TokenGrid,
): { targets: Float32Array; mask: Int32Array } {
  const targets = new Float32Array(count * SPEECH_EMBEDDING_SIZE);
  const mask = new Int32Array(count).fill(1);
  for (let token = 0; token < count; token++) {
    const middle = token * stride + (size - 1) / 2;
    if (middle > frames) break;
    const sample = (first + tempo * middle) * FRAME_HOP + FRAME_WINDOW / 2;
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
