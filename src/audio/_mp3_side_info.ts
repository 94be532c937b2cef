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
  /** A bit for each group of bands, the first one highest: set where the factors are those of before. */
  sharedGroups: number;
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

/** Bands of three short windows. */
const MAX_BANDS = 39;

/** Bands in four groups of MPEG-1: for long, short, mixed blocks. */
const FULL_COUNTS = [[6, 5, 5, 5], [9, 9, 9, 9], [8, 9, 9, 9]];

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

/** Codes of the scale factors' bits at the lower rates. */
const LOW_CODES = 512;

/** The code of the lower rates from which on the upper bands are raised. */
const LOW_PRE_EMPHASIS = 500;

/** Room for what stands before the spectra of a frame, which `readSideInfo()` fills. */
export function sideInfoFor(channels: number): SideInfo {
  const granule = (): Granule => ({
    bits: 0,
    pairs: 0,
    gain: 0,
    scaleCode: 0,
    blockType: 0,
    layout: bandLayout({ rateIndex: 0 }, "long"),
    tables: [0, 0, 0],
    regionEnds: [0, 0],
    windowGains: [0, 0, 0],
    hasPreEmphasis: false,
    isCoarse: false,
    quadTable: 0,
    sharedGroups: 0,
  });
  const granules = Array.from({ length: 2 }, () => Array.from({ length: channels }, granule));
  return { mainStart: 0, granules };
}

/** Reads how all granules of a frame are coded, or returns false where that cannot be. */
export function readSideInfo(bits: BitReader, header: Mp3Header, side: SideInfo): boolean {
  const { isFull, channels, granules } = header;
  side.mainStart = bits.read(isFull ? 9 : 8);
  bits.skip(isFull ? (channels === 1 ? 5 : 3) : channels);
  const shared = isFull ? bits.read(SHARING_GROUPS * channels) : 0;
  let canBe = true;
  for (let i = 0; i < granules; i++) {
    for (let channel = 0; channel < channels; channel++) {
      const granule = side.granules[i]![channel]!;
      readGranule(bits, header, granule);
      // Factors that are places between the channels raise nothing.
      if (!isFull && header.isIntensity && channel === 1) granule.hasPreEmphasis = false;
      const isShared = i > 0 && granule.blockType !== 2;
      const groups = shared >> SHARING_GROUPS * (channels - 1 - channel);
      granule.sharedGroups = isShared ? groups & 2 ** SHARING_GROUPS - 1 : 0;
      canBe &&= granule.pairs <= MAX_PAIRS;
    }
  }
  return canBe;
}

function readGranule(bits: BitReader, header: Mp3Header, granule: Granule): void {
  granule.bits = bits.read(12);
  granule.pairs = bits.read(9);
  granule.gain = bits.read(8);
  granule.scaleCode = bits.read(header.isFull ? 4 : 9);
  if (bits.read(1) === 1) readSwitched(bits, header, granule);
  else readUnswitched(bits, header, granule);
  granule.hasPreEmphasis = header.isFull
    ? bits.read(1) === 1
    : granule.scaleCode >= LOW_PRE_EMPHASIS;
  granule.isCoarse = bits.read(1) === 1;
  granule.quadTable = bits.read(1);
}

function readSwitched(bits: BitReader, header: Mp3Header, granule: Granule): void {
  const { tables, windowGains, regionEnds } = granule;
  const blockType = bits.read(2);
  const isMixed = bits.read(1) === 1;
  for (let region = 0; region < 2; region++) tables[region] = bits.read(5);
  tables[2] = 0;
  for (let window = 0; window < 3; window++) windowGains[window] = bits.read(3);
  const isSlowest = header.rateIndex === 8;
  const firstEnd = blockType === 2 || header.isFull ? 36 : 54;
  regionEnds[0] = isSlowest ? 2 * firstEnd : firstEnd;
  regionEnds[1] = 576;
  granule.blockType = blockType;
  granule.layout = bandLayout(header, blockType !== 2 ? "long" : isMixed ? "mixed" : "short");
}

function readUnswitched(bits: BitReader, header: Mp3Header, granule: Granule): void {
  const { tables, windowGains, regionEnds } = granule;
  const layout = bandLayout(header, "long");
  for (let region = 0; region < 3; region++) tables[region] = bits.read(5);
  const first = bits.read(4) + 1;
  const second = first + bits.read(3) + 1;
  regionEnds[0] = layout.starts[first] ?? 576;
  regionEnds[1] = layout.starts[second] ?? 576;
  windowGains.fill(0);
  granule.blockType = 0;
  granule.layout = layout;
}

/** The scale factors of a granule, and which of them mean that a band has no place in between. */
export interface ScaleFactors {
  /** By band. */
  values: Uint8Array;
  /** By band: 1 where the value, as a place between the channels, is none. */
  isNoPlace: Uint8Array;
}

/** Room for the scale factors of a channel, which `readScaleFactors()` fills. */
export function scaleFactors(): ScaleFactors {
  return { values: new Uint8Array(MAX_BANDS), isNoPlace: new Uint8Array(MAX_BANDS) };
}

/** Reads the scale factors of one channel over those of its granule before. */
export function readScaleFactors(
  bits: BitReader,
  granule: Granule,
  header: Mp3Header,
  channel: number,
  factors: ScaleFactors,
): void {
  const { values, isNoPlace } = factors;
  const bands = granule.layout.widths.length;
  const groups = groupsOf(granule, header, channel);
  let band = 0;
  for (let group = 0; group < SHARING_GROUPS; group++) {
    const { count, width } = groups[group]!;
    const end = Math.min(band + count, bands);
    const isShared = (granule.sharedGroups >> SHARING_GROUPS - 1 - group & 1) === 1;
    for (; band < end; band++) {
      if (!isShared) values[band] = width > 0 ? bits.read(width) : 0;
      if (!header.isIntensity) continue;
      const none = header.isFull ? 7 : width > 0 ? 2 ** width - 1 : -1;
      isNoPlace[band] = values[band] === none ? 1 : 0;
    }
  }
  values.fill(0, band);
  isNoPlace.fill(0, band);
}

interface FactorGroup {
  count: number;
  /** Bits of each factor. */
  width: number;
}

/** The groups of MPEG-1, by kind of block and code. */
const FULL_GROUPS: readonly FactorGroup[][][] = FULL_COUNTS.map((_, column) =>
  LOWER_BITS.map((_, scaleCode) => fullGroups(column, scaleCode))
);

/** The groups of the lower rates that were met, by what they depend on. */
const knownGroups: (readonly FactorGroup[] | undefined)[] = Array(3 * 2 * LOW_CODES);

function groupsOf(
  { layout, scaleCode }: Granule,
  { isFull, isIntensity }: Mp3Header,
  channel: number,
): readonly FactorGroup[] {
  const column = layout.kind === "long" ? 0 : layout.kind === "short" ? 1 : 2;
  if (isFull) return FULL_GROUPS[column]![scaleCode]!;
  const isPlaces = isIntensity && channel === 1;
  const at = (2 * column + Number(isPlaces)) * LOW_CODES + scaleCode;
  return knownGroups[at] ??= lowGroups(column, scaleCode, isPlaces);
}

function fullGroups(column: number, scaleCode: number): FactorGroup[] {
  const widths = [LOWER_BITS[scaleCode]!, LOWER_BITS[scaleCode]!];
  widths.push(UPPER_BITS[scaleCode]!, UPPER_BITS[scaleCode]!);
  return FULL_COUNTS[column]!.map((count, i) => ({ count, width: widths[i]! }));
}

function lowGroups(column: number, scaleCode: number, isPlaces: boolean): FactorGroup[] {
  const [kind, widths] = isPlaces ? placeWidths(scaleCode >> 1) : lowWidths(scaleCode);
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
