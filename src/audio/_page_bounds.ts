/**
 * Where the recording in an Ogg stream begins and ends, by what its pages count.
 *
 * The first page that counts says how many frames came before it, the last one how many of its
 * own are sound. A stream that was cut out of a longer one begins later than at 0.
 *
 * @module
 */

import { type AudioBlock, truncated } from "./_audio_stream.ts";
import type { OggPage } from "./_ogg.ts";

/** What a codec does with frames before the start. */
export interface PageBoundsOptions {
  /** Whether a first page that counts fewer frames than it holds cuts its start, as in Vorbis. */
  cutsStart: boolean;
  /** Frames that the caller leaves out at the start. */
  skipFrames: number;
  warn: (doubt: string) => void;
}

/** Frames of a page, from one to another. */
export interface FrameSpan {
  start: number;
  end: number;
}

/** Counts the frames of a stream page by page. */
export class PageBounds {
  readonly #options: PageBoundsOptions;
  #frames = 0;
  /** The count at the first frame. */
  #origin?: number;

  /** Starts before the first page with sound. */
  constructor(options: PageBoundsOptions) {
    this.#options = options;
  }

  /** What of a page's blocks is sound. */
  cut(blocks: AudioBlock[], page: OggPage): AudioBlock[] {
    const count = blocks.reduce((sum, block) => sum + block[0]!.length, 0);
    return [...cutBlocks(blocks, this.spanOf(count, page))];
  }

  /** Which of a page's frames are sound, of as many as it holds. */
  spanOf(count: number, { granule, isLast }: OggPage): FrameSpan {
    const before = this.#frames;
    this.#frames += count;
    let [start, end] = [0, count];
    if (granule === undefined) return { start, end };
    if (this.#origin === undefined) {
      const origin = isLast ? 0 : granule - this.#frames;
      if (origin < 0 && this.#options.cutsStart) start = -origin;
      this.#origin = this.#options.cutsStart ? origin : Math.max(0, origin);
    }
    if (isLast) {
      const total = granule - this.#origin;
      end = Math.max(0, Math.min(count, total - before));
      if (total > this.#frames) this.#warnOf(total);
    }
    return { start, end };
  }

  #warnOf(total: number): void {
    const { skipFrames, warn } = this.#options;
    const cutStart = Math.max(0, -this.#origin!);
    const skipped = skipFrames + (this.#options.cutsStart ? cutStart : 0);
    warn(truncated(total - skipped, Math.max(0, this.#frames - skipped)));
  }
}

/** The blocks of a page as far as they lie within a span, one at a time. */
export function* cutBlocks(
  blocks: Iterable<AudioBlock>,
  { start, end }: FrameSpan,
): Generator<AudioBlock, void, unknown> {
  let at = 0;
  for (const block of blocks) {
    const { length } = block[0]!;
    const [from, to] = [Math.max(start - at, 0), Math.min(end - at, length)];
    if (from === 0 && to === length) yield block;
    else if (from < to) yield block.map((samples) => samples.subarray(from, to));
    at += length;
  }
}
