/**
 * The streams of numbers inside Parquet pages, walked before the parser takes them apart: runs of equal values, packed
 * bits, and differences.
 *
 * A stream states how many values a run has, and the parser believes it. Here each run is held to the number of values
 * that the page has, each number to its bytes.
 *
 * Source: Encodings.md of parquet-format 2.10.
 *
 * @module
 */
import { varintEnd } from "./_thrift.ts";

/** Bits that a level or an index may take. */
const MAX_WIDTH = 32;
/** Packed runs are filled up to whole groups; more than that no writer adds. */
const PADDING = 512;

/** Differences of a block; writers have 128. */
const MAX_BLOCK = 2 ** 20;

/** How a stream of runs is read. */
export interface Runs {
  at: number;
  /** Bits of a value. */
  width: number;
  /** Values of the page. */
  count: number;
  /** The value whose number is wanted. */
  counted?: number;
}

/**
 * Walks runs of equal values and packed bits.
 *
 * @returns how many of the values are the counted one.
 * @throws {SyntaxError} where a run has more values than are left.
 */
export function walkRuns(view: DataView, { at, width, count, counted }: Runs): number {
  if (width > MAX_WIDTH) throw new SyntaxError(`values of ${width} bits`);
  let [seen, found] = [0, 0];
  while (seen < count && at < view.byteLength) {
    const end = varintEnd(view, at, 5);
    const header = unsigned(view, at, end);
    const isPacked = header % 2 === 1;
    const values = isPacked ? (header - 1) / 2 * 8 : header / 2;
    if (values > count - seen + PADDING) throw new SyntaxError("a run beyond the end of its page");
    const bytes = isPacked ? Math.max(1, Math.ceil(values * width / 8)) : Math.ceil(width / 8);
    if (counted !== undefined) {
      const wanted = Math.min(values, count - seen);
      if (isPacked) found += countPacked(view, { at: end, width, count: wanted, counted });
      else if (lowBits(view, end * 8, width) === counted) found += wanted;
    }
    at = end + bytes;
    seen += values;
  }
  return found;
}

function countPacked(view: DataView, { at, width, count, counted }: Runs): number {
  let found = 0;
  for (let i = 0; i < count; i++) if (lowBits(view, at * 8 + i * width, width) === counted) found++;
  return found;
}

/** Bits from a place on, the lowest first. @throws {RangeError} past the end. */
function lowBits(view: DataView, bit: number, width: number): number {
  let value = 0;
  for (let taken = 0; taken < width;) {
    const offset = (bit + taken) % 8;
    const take = Math.min(8 - offset, width - taken);
    const part = view.getUint8(Math.floor((bit + taken) / 8)) >> offset & (1 << take) - 1;
    value += part * 2 ** taken;
    taken += take;
  }
  return value;
}

function unsigned(view: DataView, at: number, end: number): number {
  let value = 0;
  for (let i = end - 1; i >= at; i--) value = value * 128 + (view.getUint8(i) & 127);
  return value;
}

function signed(view: DataView, at: number, end: number): number {
  const zigzag = unsigned(view, at, end);
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
}

/**
 * Walks a stream of differences.
 *
 * @param onValue called with each value, of streams that hold lengths.
 * @returns where it ends.
 * @throws {SyntaxError | RangeError} where it is none, or breaks off.
 */
export function walkDeltas(
  view: DataView,
  start: number,
  { count, onValue }: { count: number; onValue?: (value: number) => void },
): number {
  let at = start;
  const next = (maxBytes: number): [at: number, end: number] => {
    const from = at;
    at = varintEnd(view, from, maxBytes);
    return [from, at];
  };
  const blockSize = unsigned(view, ...next(5));
  const minis = unsigned(view, ...next(5));
  const perMini = blockSize / minis;
  const isSound = blockSize % 128 === 0 && perMini % 32 === 0 && perMini > 0;
  if (!isSound || blockSize > MAX_BLOCK) {
    throw new SyntaxError(`blocks of ${blockSize} differences in ${minis} parts`);
  }
  next(10);
  let value = signed(view, ...next(10)) | 0;
  if (count > 0) onValue?.(value);
  for (let seen = 1; seen < count;) {
    const minDelta = signed(view, ...next(10));
    const widthsAt = at;
    at += minis;
    for (let mini = 0; mini < minis && seen < count; mini++) {
      const width = view.getUint8(widthsAt + mini);
      if (width > 64) throw new SyntaxError(`differences of ${width} bits`);
      const values = Math.min(perMini, count - seen);
      for (let i = 0; onValue && i < values; i++) {
        value = value + minDelta + lowBits(view, at * 8 + i * width, width) | 0;
        onValue(value);
      }
      at += perMini * width / 8;
      seen += values;
    }
  }
  return at;
}
