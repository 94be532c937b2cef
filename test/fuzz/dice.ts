/**
 * Choices and broken bytes out of a number: the same ones for the same number.
 *
 * @module
 */
import { concat, u32 } from "../audio/wav_file.ts";
import { seededRandom } from "../weights/craft.ts";

const EXTREMES = [0, 1, 2, 7, 0x7f, 0xff, 0xfffe, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const BYTES = [0, 1, 0x20, 0x2d, 0x30, 0x39, 0x7f, 0x80, 0xff];
/** Where headers are, which are broken more often than what follows. */
const HEADER_BYTES = 100;

/** Whole numbers and choices out of a seed. */
export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** 0 to `sides - 1`. */
  roll(sides: number): number {
    return Math.floor(this.#random() * sides);
  }

  /** One of them. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.roll(items.length)]!;
  }

  /** The same ones in another order. */
  shuffle<Item>(items: readonly Item[]): Item[] {
    return items.map((item) => [this.#random(), item] as const)
      .sort(([a], [b]) => a - b).map(([, item]) => item);
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.roll(256));
  }

  /** Up to `most` changes, in the first `before` bytes: bits, bytes, extremes, pieces cut out, doubled or cut off. */
  damage(bytes: Uint8Array, most: number, before = bytes.length): Uint8Array {
    for (let times = 1 + this.roll(most); times > 0; times--) bytes = this.#change(bytes, before);
    return bytes;
  }

  #change(bytes: Uint8Array, before: number): Uint8Array {
    const end = Math.min(before, bytes.length);
    const at = this.roll(this.roll(3) === 0 ? end : Math.min(end, HEADER_BYTES));
    const length = this.roll(64);
    switch (this.roll(7)) {
      case 0: {
        const flipped = bytes.slice();
        if (at < flipped.length) flipped[at]! ^= 1 << this.roll(8);
        return flipped;
      }
      case 1: {
        const changed = bytes.slice();
        if (at < changed.length) changed[at] = this.pick([...BYTES, this.roll(256)]);
        return changed;
      }
      case 2:
      case 3: {
        const extreme = u32(this.pick(EXTREMES)).subarray(0, this.pick([2, 4]));
        return concat(bytes.subarray(0, at), extreme, bytes.subarray(at + extreme.length));
      }
      case 4:
        return concat(bytes.subarray(0, at), bytes.subarray(at + 1 + this.roll(2) * length));
      case 5:
        return concat(bytes.subarray(0, at + length), bytes.subarray(at));
      default:
        return bytes.slice(0, this.roll(bytes.length + 1));
    }
  }
}
