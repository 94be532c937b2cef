/**
 * What stands before the spectrum of an MP3 granule: how it is coded, and its scale factors.
 *
 * Follows ISO/IEC 11172-3, 2.4.1.7 and 2.4.2.7, and 13818-3 for the lower rates.
 *
 * @module
 */

import type { BitReader } from "./_bit_reader.ts";
import { type BandLayout, bandLayout } from "./_mp3_bands.ts";
import type { Mp3Header } from "./_mp3_header.ts";

/** One channel of one granule. */
export interface Granule {
  /** Bits of the scale factors and the spectrum. */
  bits: number;
  /** Pairs of large values. */
  pairs: number;
  gain: number;
  scaleCode: number;
  /** 0: long; 1: from long to short; 2: three short; 3: from short to long. */
  blockType: number;
  layout: BandLayout;
  /** The code of each of three regions of large values, and where the first two end. */
  tables: number[];
  regionEnds: [number, number];
  /** What each of three short windows is quieter by. */
  windowGains: number[];
  hasPreEmphasis: boolean;
  /** Whether a step of a scale factor is 6 dB and not 3. */
  isCoarse: boolean;
  quadTable: number;
  /** By group of bands: whether the factors are those of the granule before. */
  isShared: boolean[];
}

/** The parts of a frame before its spectrum. */
export interface SideInfo {
  /** Bytes before this frame at which its data begins. */
  mainStart: number;
  /** By granule and channel. */
  granules: Granule[][];
}

const SHARING_GROUPS = 4;
const MAX_PAIRS = 288;

/** Long bands in each group that is shared. */
const GROUP_SIZES = [6, 5, 5, 5];

/** Bits of a scale factor in the lower and in the upper bands, by code. */
const LOWER_BITS = [0, 0, 0, 0, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4];
const UPPER_BITS = [0, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 2, 3];

/** Bands in four groups of the lower rates: by kind of code, then for long, short, mixed blocks. */
const LOW_GROUPS = [
  [[6, 5, 5, 5], [9, 9, 9, 9], [6, 9, 9, 9]],
  [[6, 5, 7, 3], [9, 9, 12, 6], [6, 9, 12, 6]],
  [[11, 10, 0, 0], [18, 18, 0, 0], [15, 18, 0, 0]],
  [[7, 7, 7, 0], [12, 12, 12, 0], [6, 15, 12, 0]],
  [[6, 6, 6, 3], [12, 9, 9, 6], [6, 12, 9, 6]],
  [[8, 8, 5, 0], [15, 12, 9, 0], [6, 18, 9, 0]],
];

/** The code of the lower rates from which on the upper bands are raised. */
const LOW_PRE_EMPHASIS = 500;

/** Reads how all granules of a frame are coded, or returns undefined where that cannot be. */
export function readSideInfo(bits: BitReader, header: Mp3Header): SideInfo | undefined {
  const { isFull, channels, granules } = header;
  const mainStart = bits.read(isFull ? 9 : 8);
  bits.skip(isFull ? (channels === 1 ? 5 : 3) : channels);
  const shared = Array.from(
    { length: channels },
    () => Array.from({ length: SHARING_GROUPS }, () => isFull && bits.read(1) === 1),
  );
  const list: Granule[][] = [];
  for (let i = 0; i < granules; i++) {
    const row = shared.map((isShared, channel) => {
      const granule = readGranule(bits, header, i === 0 ? [] : isShared);
      // Factors that are places between the channels raise nothing.
      if (!isFull && header.isIntensity && channel === 1) granule.hasPreEmphasis = false;
      return granule;
    });
    if (row.some(({ pairs }) => pairs > MAX_PAIRS)) return undefined;
    list.push(row);
  }
  return { mainStart, granules: list };
}

function readGranule(bits: BitReader, header: Mp3Header, isShared: boolean[]): Granule {
  const length = bits.read(12);
  const pairs = bits.read(9);
  const gain = bits.read(8);
  const scaleCode = bits.read(header.isFull ? 4 : 9);
  const isSwitched = bits.read(1) === 1;
  const blocks = isSwitched ? readSwitched(bits, header) : readUnswitched(bits, header);
  const hasPreEmphasis = header.isFull ? bits.read(1) === 1 : scaleCode >= LOW_PRE_EMPHASIS;
  const isCoarse = bits.read(1) === 1;
  const quadTable = bits.read(1);
  return {
    bits: length,
    pairs,
    gain,
    scaleCode,
    ...blocks,
    hasPreEmphasis,
    isCoarse,
    quadTable,
    isShared: blocks.blockType === 2 ? [] : isShared,
  };
}

function readSwitched(bits: BitReader, header: Mp3Header) {
  const blockType = bits.read(2);
  const isMixed = bits.read(1) === 1;
  const tables = [bits.read(5), bits.read(5), 0];
  const windowGains = [bits.read(3), bits.read(3), bits.read(3)];
  const isSlowest = header.rateIndex === 8;
  const firstEnd = blockType === 2 || header.isFull ? 36 : 54;
  const kind = blockType !== 2 ? "long" : isMixed ? "mixed" : "short";
  const regionEnds: [number, number] = [isSlowest ? 2 * firstEnd : firstEnd, 576];
  return { blockType, tables, windowGains, regionEnds, layout: bandLayout(header, kind) };
}

function readUnswitched(bits: BitReader, header: Mp3Header) {
  const tables = [bits.read(5), bits.read(5), bits.read(5)];
  const [first, second] = [bits.read(4) + 1, bits.read(3) + 1];
  const layout = bandLayout(header, "long");
  const endOf = (band: number) => layout.starts[band] ?? 576;
  const regionEnds: [number, number] = [endOf(first), endOf(first + second)];
  return { blockType: 0, tables, windowGains: [0, 0, 0], regionEnds, layout };
}

/** The scale factors of a granule, and which of them mean that a band has no place in between. */
export interface ScaleFactors {
  values: Uint8Array;
  /** By band, where there are any: true where the value, as a place between the channels, is none. */
  isNoPlace: boolean[];
}

/** Reads the scale factors of one channel; `before` are those of the granule before. */
export function readScaleFactors(
  bits: BitReader,
  granule: Granule,
  header: Mp3Header,
  channel: number,
  before?: ScaleFactors,
): ScaleFactors {
  const { layout, isShared } = granule;
  const values = new Uint8Array(layout.widths.length);
  const isNoPlace: boolean[] = [];
  let band = 0;
  for (const [group, { count, width }] of groupsOf(granule, header, channel).entries()) {
    const shared = isShared[group] ? before?.values : undefined;
    for (const end = Math.min(band + count, values.length); band < end; band++) {
      const value = shared ? shared[band]! : width > 0 ? bits.read(width) : 0;
      values[band] = value;
      if (!header.isIntensity) continue;
      isNoPlace[band] = header.isFull ? value === 7 : width > 0 && value === 2 ** width - 1;
    }
  }
  return { values, isNoPlace };
}

interface FactorGroup {
  count: number;
  /** Bits of each factor. */
  width: number;
}

function groupsOf(granule: Granule, header: Mp3Header, channel: number): FactorGroup[] {
  const { layout, scaleCode } = granule;
  if (!header.isFull) return lowGroups(granule, header.isIntensity && channel === 1);
  const [lower, upper] = [LOWER_BITS[scaleCode]!, UPPER_BITS[scaleCode]!];
  if (layout.kind !== "long") {
    const count = layout.kind === "mixed" ? 17 : 18;
    return [{ count, width: lower }, { count: 18, width: upper }];
  }
  return GROUP_SIZES.map((count, i) => ({ count, width: i < 2 ? lower : upper }));
}

function lowGroups({ layout, scaleCode }: Granule, isPlaces: boolean): FactorGroup[] {
  const [kind, widths] = isPlaces ? placeWidths(scaleCode >> 1) : lowWidths(scaleCode);
  const column = layout.kind === "long" ? 0 : layout.kind === "short" ? 1 : 2;
  return LOW_GROUPS[kind]![column]!.map((count, i) => ({ count, width: widths[i]! }));
}

function lowWidths(code: number): [kind: number, widths: number[]] {
  if (code < 400) return [0, [...digits(code >> 4, 5), ...digits(code % 16, 4)]];
  if (code < 500) return [1, [...digits(code - 400 >> 2, 5), code % 4, 0]];
  return [2, [...digits(code - 500, 3), 0, 0]];
}

function placeWidths(code: number): [kind: number, widths: number[]] {
  if (code < 180) return [3, [Math.floor(code / 36), ...digits(code % 36, 6), 0]];
  if (code < 244) return [4, [code - 180 >> 4, ...digits((code - 180) % 16, 4), 0]];
  return [5, [...digits(code - 244, 3), 0, 0]];
}

/** The quotient and the rest. */
function digits(value: number, base: number): [number, number] {
  return [Math.floor(value / base), value % base];
}
