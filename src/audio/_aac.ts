/**
 * Decodes frames of AAC-LC, and the core of HE-AAC.
 *
 * Written after ISO/IEC 14496-3, because the decoders on npm wrap libraries under the GPL or with
 * patents' terms of their own. A second layer (spectral band replication, parametric stereo) is
 * recognised and left out: what is decoded then is the core, at half the rate. Coupling channels,
 * which no common encoder writes, are refused.
 *
 * @module
 */

import { type AacChannel, BadFrame, readChannel, readWindows } from "./_aac_channel.ts";
import { type AacConfig, readAacConfig, readLayout } from "./_aac_config.ts";
import { AacFilterbank } from "./_aac_filterbank.ts";
import { AacNoise, type MiddleSide, shapeNoise, spectrumOf, unmixPair } from "./_aac_spectrum.ts";
import { bandsOf } from "./_aac_tables.ts";
import type { AudioBlock } from "./_audio_stream.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";
import type { PacketCodec } from "./_packet_codec.ts";

const SINGLE = 0;
const PAIR = 1;
const COUPLING = 2;
const LOW = 3;
const DATA = 4;
const LAYOUT = 5;
const FILL = 6;
const END = 7;

/** Kinds of filling that are replication. */
const REPLICATION = [13, 14];

const CORE_ONLY = "HE-AAC: only its core is decoded, without the frequencies above it";

/** Prepares a decoder from the configuration of MP4. */
export function openAac(config: Uint8Array, file?: string): PacketCodec {
  return new AacDecoder(readAacConfig(config, file));
}

/** Decodes frames in their order; one that cannot be read is silent. */
export class AacDecoder implements PacketCodec {
  readonly channels: number;
  readonly sampleRateHz: number;
  /** What a reader of the file should know. */
  warning?: string;
  readonly #bands: ReturnType<typeof bandsOf>;
  readonly #noise = new AacNoise();
  readonly #filterbanks: AacFilterbank[];
  /** How the last block ended, for one that is silent. */
  #isKaiser = false;

  /** A decoder at the start of a stream. */
  constructor({ sampleRateHz, channels, isHighEfficiency }: AacConfig) {
    this.sampleRateHz = sampleRateHz;
    this.channels = channels;
    if (isHighEfficiency) this.warning = CORE_ONLY;
    this.#bands = bandsOf(sampleRateHz);
    this.#filterbanks = Array.from({ length: channels }, () => new AacFilterbank());
  }

  /** Decodes a frame of one or more blocks. */
  decode(packet: Uint8Array, blocks = 1): AudioBlock[] {
    const bits = new BitReader(packet);
    return Array.from({ length: blocks }, () => this.#decodeBlock(bits));
  }

  #decodeBlock(bits: BitReader): AudioBlock {
    const ready: { channel: AacChannel; spectrum: Float64Array }[] = [];
    try {
      this.#readBlock(bits, ready);
      if (ready.length !== this.channels) {
        throw new BadFrame(`${ready.length} channels in the place of ${this.channels}`);
      }
    } catch (error) {
      if (!(error instanceof BadFrame || error instanceof OutOfBits)) throw error;
      const found = error instanceof BadFrame ? error.message : "too few bits";
      this.warning ??= `An AAC frame cannot be read (${found}); it is silent`;
      return this.#silence();
    }
    return ready.map(({ channel, spectrum }, i) => {
      shapeNoise(channel, spectrum);
      const { sequence, isKaiser } = channel.windows;
      this.#isKaiser = isKaiser;
      return this.#filterbanks[i]!.run(spectrum, sequence, isKaiser);
    });
  }

  #silence(): AudioBlock {
    const nothing = new Float64Array(1_024);
    return this.#filterbanks.map((filterbank) => filterbank.run(nothing, 0, this.#isKaiser));
  }

  #readBlock(
    bits: BitReader,
    ready: { channel: AacChannel; spectrum: Float64Array }[],
  ): void {
    for (;;) {
      const kind = bits.read(3);
      if (kind === END) break;
      switch (kind) {
        case SINGLE:
        case LOW: {
          bits.skip(4);
          const channel = readChannel(bits, this.#bands);
          ready.push({ channel, spectrum: spectrumOf(channel, this.#noise) });
          break;
        }
        case PAIR:
          bits.skip(4);
          ready.push(...this.#readPair(bits));
          break;
        case COUPLING:
          throw new BadFrame("coupling channels, which are not decoded");
        case DATA:
          skipData(bits);
          break;
        case LAYOUT:
          readLayout(bits);
          break;
        case FILL:
          this.#skipFill(bits);
      }
      if (ready.length > this.channels) throw new BadFrame("more channels than before");
    }
    bits.alignToByte();
  }

  #readPair(bits: BitReader) {
    const isShared = bits.read(1) === 1;
    const windows = isShared ? readWindows(bits, this.#bands) : undefined;
    const middleSide = windows && readMiddleSide(bits, windows.groups.length, windows.maxBand);
    const left = readChannel(bits, this.#bands, windows);
    const a = spectrumOf(left, this.#noise);
    const right = readChannel(bits, this.#bands, windows);
    const b = spectrumOf(right, this.#noise);
    if (isShared) unmixPair([left, right], [a, b], middleSide);
    return [{ channel: left, spectrum: a }, { channel: right, spectrum: b }];
  }

  #skipFill(bits: BitReader): void {
    let count = bits.read(4);
    if (count === 15) count += bits.read(8) - 1;
    if (count === 0) return;
    const kind = bits.read(4);
    if (REPLICATION.includes(kind)) this.warning ??= CORE_ONLY;
    bits.skip(8 * count - 4);
  }
}

function readMiddleSide(bits: BitReader, groups: number, bands: number): MiddleSide {
  const present = bits.read(2);
  if (present === 3) throw new BadFrame("a reserved use of middle and side");
  if (present === 0) return undefined;
  return Array.from(
    { length: groups },
    () => Array.from({ length: bands }, () => present === 2 || bits.read(1) === 1),
  );
}

function skipData(bits: BitReader): void {
  bits.skip(4);
  const isAligned = bits.read(1) === 1;
  let count = bits.read(8);
  if (count === 255) count += bits.read(8);
  if (isAligned) bits.alignToByte();
  bits.skip(8 * count);
}
