/**
 * From the numbers of an MP3 granule to spectra of left and right.
 *
 * Values are scaled by band; then middle and side become left and right, and bands
 * that only have one shape are placed between the channels. Follows ISO/IEC 11172-3, 2.4.3.4.
 *
 * @module
 */

import type { Mp3Header } from "./_mp3_header.ts";
import type { Granule, ScaleFactors } from "./_mp3_side_info.ts";

/** One channel of a granule on its way to sound. */
export interface ChannelSpectrum {
  granule: Granule;
  factors: ScaleFactors;
  /** Shape: `[576]`. */
  lines: Float64Array;
  /** Lines that may be other than 0: all before this one. */
  coded: number;
}

/** The gain that stands for 1, in quarters of a power of two. */
const UNIT_GAIN = 210;

/** What the upper long bands are raised by with pre-emphasis. */
const PRE_EMPHASIS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];

/** Gains by their place: from more than the least that a granule can have, to the greatest. */
const LEAST_GAIN = -400;
const GAINS = Float64Array.from({ length: 512 }, (_, i) => 2 ** ((i + LEAST_GAIN) / 4));

/** Lines that mix with their mirror image at each border between sub-bands. */
const ALIAS = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];
const ALIAS_KEEP = ALIAS.map((c) => 1 / Math.sqrt(1 + c * c));
const ALIAS_MIX = ALIAS.map((c) => c / Math.sqrt(1 + c * c));

/** Gives each line its size, times a factor for all. */
export function scaleLines(spectrum: ChannelSpectrum, loudness: number): void {
  const { granule, factors, lines, coded } = spectrum;
  const { layout, gain, windowGains, isCoarse, hasPreEmphasis } = granule;
  const { starts, longBands } = layout;
  for (let band = 0; starts[band]! < coded; band++) {
    const isLong = band < longBands;
    const raised = isLong && hasPreEmphasis ? PRE_EMPHASIS[band]! : 0;
    const window = isLong ? 0 : windowGains[(band - longBands) % 3]!;
    const factor = (factors.values[band]! + raised) * (isCoarse ? 4 : 2);
    const scale = GAINS[gain - UNIT_GAIN - 8 * window - factor - LEAST_GAIN]! * loudness;
    for (let i = starts[band]!, end = starts[band + 1]!; i < end; i++) lines[i]! *= scale;
  }
}

/** Makes left and right of what the two channels of a granule hold. */
export function unmixStereo(
  header: Mp3Header,
  left: ChannelSpectrum,
  right: ChannelSpectrum,
): void {
  if (!header.isIntensity && !header.isMiddleSide) return;
  const places = header.isIntensity ? bandPlaces(header, right) : [];
  const { layout, scaleCode } = right.granule;
  const coded = Math.max(left.coded, right.coded);
  left.coded = coded;
  right.coded = coded;
  for (let band = 0; layout.starts[band]! < coded; band++) {
    const start = layout.starts[band]!;
    const end = start + layout.widths[band]!;
    const place = places[band];
    if (place !== undefined) {
      const [toLeft, toRight] = sharesOf(place, header.isFull, scaleCode % 2 === 1);
      for (let i = start; i < end; i++) {
        right.lines[i] = left.lines[i]! * toRight;
        left.lines[i]! *= toLeft;
      }
    } else if (header.isMiddleSide) {
      for (let i = start; i < end; i++) {
        const middle = left.lines[i]!;
        const side = right.lines[i]!;
        left.lines[i] = (middle + side) * Math.SQRT1_2;
        right.lines[i] = (middle - side) * Math.SQRT1_2;
      }
    }
  }
}

/** By band above the last one that the right channel has of its own: its place, if it has any. */
function bandPlaces(
  { isFull }: Mp3Header,
  { granule, factors, lines }: ChannelSpectrum,
): (number | undefined)[] {
  const { starts, widths, longBands } = granule.layout;
  const windows = longBands === widths.length ? 1 : 3;
  const last = [-1, -1, -1];
  for (const [band, width] of widths.entries()) {
    const own = lines.subarray(starts[band], starts[band]! + width).some((line) => line !== 0);
    if (own) last[band % windows] = band;
  }
  if (longBands > 0) last.fill(Math.max(...last));
  const top = widths.length - windows;
  return widths.map((_, band) => {
    const window = band % windows;
    if (band <= last[window]!) return undefined;
    // The highest band has no factor; it goes where the one below it goes.
    const below = band - windows;
    if (band >= top && last[window]! >= below) return isFull ? 3 : 0;
    const from = band >= top ? below : band;
    return factors.isNoPlace[from] ? undefined : factors.values[from];
  });
}

/** How much of a band goes to the left and to the right. */
function sharesOf(place: number, isFull: boolean, isWide: boolean): [number, number] {
  if (isFull) {
    const ratio = Math.tan(place * Math.PI / 12);
    return place === 6 ? [1, 0] : [ratio / (1 + ratio), 1 / (1 + ratio)];
  }
  const share = 2 ** (-(place + 1 >> 1) * (isWide ? 2 : 1) / 4);
  return place % 2 === 1 ? [share, 1] : [1, share];
}

/** The windows as they are coded. Shape: `[576]` */
const codedWindows = new Float64Array(576);

/** Puts the three windows of each short band side by side, line by line. */
export function interleaveWindows(spectrum: ChannelSpectrum): void {
  const { granule, lines, coded } = spectrum;
  const { widths, starts, longBands } = granule.layout;
  if (longBands === widths.length) return;
  codedWindows.set(lines);
  for (let band = longBands; band < widths.length && starts[band]! < coded; band += 3) {
    const [width, start] = [widths[band]!, starts[band]!];
    for (let i = 0; i < width; i++) {
      for (let window = 0; window < 3; window++) {
        lines[start + 3 * i + window] = codedWindows[start + window * width + i]!;
      }
    }
    spectrum.coded = start + 3 * width;
  }
}

/** Takes back what the encoder's filters let through from one long sub-band to the next. */
export function cancelAliases(spectrum: ChannelSpectrum): void {
  const { granule, lines, coded } = spectrum;
  const end = Math.min(granule.layout.longLines, coded + ALIAS.length);
  for (let border = 18; border < end; border += 18) {
    for (let i = 0; i < ALIAS.length; i++) {
      const below = lines[border - 1 - i]!;
      const above = lines[border + i]!;
      lines[border - 1 - i] = below * ALIAS_KEEP[i]! - above * ALIAS_MIX[i]!;
      lines[border + i] = above * ALIAS_KEEP[i]! + below * ALIAS_MIX[i]!;
    }
    spectrum.coded = Math.max(spectrum.coded, border + ALIAS.length);
  }
}
