/**
 * Decodes MP3: layer III of MPEG-1, 2 and 2.5.
 *
 * What the encoder added at the start and end is cut where the file's first frame says how much, as
 * mpg123, libsndfile and ffmpeg do. Bytes between frames and frames that make no sense are left out with a
 * warning. Written after ISO/IEC 11172-3 and 13818-3, because the decoder that is well kept on npm
 * wraps a library under the LGPL.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { AudioBlock, AudioBlocks, AudioStream } from "./_audio_stream.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { id3Bytes } from "./_id3.ts";
import {
  findMp3Frame,
  GRANULE_FRAMES,
  isAlike,
  type Mp3Header,
  readMp3Header,
} from "./_mp3_header.ts";
import { readSpectrum } from "./_mp3_huffman.ts";
import { readMp3Info } from "./_mp3_info.ts";
import {
  type Granule,
  readScaleFactors,
  readSideInfo,
  scaleFactors,
  type SideInfo,
  sideInfoFor,
} from "./_mp3_side_info.ts";
import {
  cancelAliases,
  type ChannelSpectrum,
  interleaveWindows,
  scaleLines,
  unmixStereo,
} from "./_mp3_spectrum.ts";
import { Mp3Synthesis } from "./_mp3_synthesis.ts";
import type { CodecSetup, PacketCodec } from "./_packet_codec.ts";

/** The most bytes before a frame in which its data may begin. */
const MAX_RESERVOIR_BYTES = 511;

/** More than a frame's size at the highest bit rate and the lowest sampling rate. */
const MAX_FRAME_BYTES = 2 ** 13;

/** Enough for the header of an ID3 tag. */
const ID3_HEAD_BYTES = 10;

/** Enough for a frame's header, or the name of what stands in its place. */
const MAX_HEAD_BYTES = 12;

/** Bytes in which a frame is looked for at first, and at once at most: far more than two frames. */
const FIRST_SEARCH_BYTES = 2 ** 10;
const SEARCH_BYTES = 2 ** 14;

/** Tags that may follow the last frame. */
const TRAILERS = /^(TAG|APETAGEX|LYRICSBEGIN|ID3|\0)/;

/** Finds the first frame of an MP3 file. */
export function* openMp3(reader: ByteReader, file?: string): Asking<AudioStream> {
  const start = reader.position;
  const tag = id3Bytes(yield* reader.peek(ID3_HEAD_BYTES));
  reader.skip(tag);
  let found = yield* findFrame(reader);
  if (found === undefined && tag > 0) {
    // A tag whose size is wrong may claim the sound too.
    reader.seek(start);
    found = yield* findFrame(reader);
  }
  if (found === undefined) throw audioError("expected MP3 frames, found none", file);
  const { header, frame } = found;
  const info = readMp3Info(frame, 0, header);
  const rest = reader.sizeBytes === undefined ? undefined : reader.sizeBytes - reader.position;
  if (info !== undefined) reader.skip(header.frameBytes);
  const { sampleRateHz, channels } = header;
  return {
    sampleRateHz,
    channels,
    ...info,
    likelyFrames: rest === undefined
      ? undefined
      : rest / header.frameBytes * header.granules * GRANULE_FRAMES,
    blocks: (warn, isMeanEnough) => mp3Blocks(reader, header, isMeanEnough, warn),
  };
}

/** MP3 for containers whose packets are its frames. */
export function openMp3Packets({ channels, sampleRateHz }: CodecSetup): PacketCodec {
  const decoder = new FrameDecoder(channels, false);
  const decode = (packet: Uint8Array) => {
    const header = readMp3Header(packet, 0);
    if (header === undefined || header.frameBytes > packet.length) return [];
    if (header.sampleRateHz !== sampleRateHz || header.channels !== channels) return [];
    if (readMp3Info(packet, 0, header) !== undefined) return [];
    decoder.decode(packet.subarray(0, header.frameBytes), header);
    return [decoder.samplesOf(header)];
  };
  return { channels, sampleRateHz, decode };
}

/** The next frame that another of its kind follows; the reader stands at its start. */
function* findFrame(
  reader: ByteReader,
  like?: Mp3Header,
): Asking<{ header: Mp3Header; frame: Uint8Array } | undefined> {
  let least = FIRST_SEARCH_BYTES;
  for (;;) {
    const bytes = yield* reader.peekAll(least);
    const isEnd = bytes.length < least;
    const window = bytes.subarray(0, SEARCH_BYTES);
    const at = findMp3Frame(window, 0, like);
    const header = at < 0 ? undefined : readMp3Header(window, at)!;
    // Far into a window, the frame that would have to follow may not be in sight yet.
    const isSure = header && (isEnd || at + header.frameBytes + 4 <= window.length);
    if (isSure) {
      reader.skip(at);
      return { header, frame: yield* reader.peek(header.frameBytes) };
    }
    if (!header && isEnd) {
      reader.skip(bytes.length);
      return undefined;
    }
    if (window.length < SEARCH_BYTES) least = Math.min(2 * window.length, SEARCH_BYTES);
    else {
      reader.skip(header ? at : window.length - 3);
      least = FIRST_SEARCH_BYTES;
    }
  }
}

function* mp3Blocks(
  reader: ByteReader,
  like: Mp3Header,
  isMeanEnough: boolean,
  warn: (doubt: string) => void,
): AudioBlocks {
  const decoder = new FrameDecoder(like.channels, isMeanEnough);
  for (;;) {
    const head = yield* reader.peek(MAX_HEAD_BYTES);
    if (head.length === 0) return;
    const at = reader.position;
    const header = readMp3Header(head, 0);
    if (header !== undefined && isAlike(header, like)) {
      const frame = yield* reader.take(header.frameBytes);
      if (frame.length < header.frameBytes) {
        return warn("Truncated: the last MP3 frame is incomplete");
      }
      const isSound = decoder.decode(frame, header);
      if (!isSound) warn(`The MP3 frame at byte ${at} cannot be read; it is silent`);
      yield decoder.samplesOf(header);
      continue;
    }
    if (head.length < 4) return warn("Truncated: the last MP3 frame is incomplete");
    const isTag = isTrailer(head);
    const found = yield* findFrame(reader, like);
    if (!isTag) warn(leftOut(at, reader.position));
    if (found === undefined) return;
  }
}

function isTrailer(head: Uint8Array): boolean {
  return TRAILERS.test(String.fromCharCode(...head));
}

function leftOut(start: number, end: number): string {
  return `${end - start} bytes at byte ${start} are no MP3 frame; they are left out`;
}

/** Decodes frames in their order. */
class FrameDecoder {
  /** One for each channel, or for their mean alone. */
  readonly #sounds: Mp3Synthesis[];
  /** Samples of a frame by sound. Shape: `[granules * 576]`. */
  readonly #samples: Float32Array[];
  /** The same, of a frame of one granule. */
  readonly #granuleSamples: Float32Array[];
  readonly #side: SideInfo;
  /** By channel. */
  readonly #spectra: ChannelSpectrum[];
  /** Halves the spectra of two channels whose sum is made. */
  readonly #isMixed: boolean;
  /** The last bytes of the frames before, in which the next one's data may begin, and the frame's. */
  readonly #data = new Uint8Array(MAX_RESERVOIR_BYTES + MAX_FRAME_BYTES);
  #dataBytes = 0;

  constructor(channels: number, isMeanEnough: boolean) {
    this.#isMixed = isMeanEnough && channels === 2;
    const sounds = this.#isMixed ? 1 : channels;
    this.#sounds = Array.from({ length: sounds }, () => new Mp3Synthesis());
    this.#samples = this.#sounds.map(() => new Float32Array(2 * GRANULE_FRAMES));
    this.#granuleSamples = this.#samples.map((samples) => samples.subarray(0, GRANULE_FRAMES));
    this.#side = sideInfoFor(channels);
    this.#spectra = this.#side.granules[0]!.map((granule) => ({
      granule,
      factors: scaleFactors(),
      lines: new Float64Array(GRANULE_FRAMES),
      coded: 0,
    }));
  }

  /** Decodes a frame; one that cannot be read is silent, and false is returned. */
  decode(frame: Uint8Array, header: Mp3Header): boolean {
    const { headerBytes, sideBytes, granules } = header;
    const dataStart = headerBytes + sideBytes;
    if (dataStart > frame.length) return this.#silence(header);
    const side = this.#side;
    const canBe = readSideInfo(new BitReader(frame, headerBytes), header, side);
    const before = this.#append(frame.subarray(dataStart));
    if (!canBe || side.mainStart > before) return this.#silence(header);
    const bits = new BitReader(this.#data.subarray(0, this.#dataBytes), before - side.mainStart);
    let isSound = true;
    for (let i = 0; i < granules; i++) {
      const isRead = this.#readGranule(bits, side.granules[i]!, header);
      this.#synthesize(isRead ? this.#spectra : NO_SPECTRA, i, header);
      isSound &&= isRead;
    }
    return isSound;
  }

  /** Puts a frame's data behind the last bytes of the frames before; returns how many those are. */
  #append(data: Uint8Array): number {
    const before = Math.min(this.#dataBytes, MAX_RESERVOIR_BYTES);
    this.#data.copyWithin(0, this.#dataBytes - before, this.#dataBytes);
    this.#data.set(data, before);
    this.#dataBytes = before + data.length;
    return before;
  }

  /** The samples of the last frame. */
  samplesOf({ granules }: Mp3Header): AudioBlock {
    return granules === 2 ? this.#samples : this.#granuleSamples;
  }

  #silence(header: Mp3Header): false {
    for (let i = 0; i < header.granules; i++) this.#synthesize(NO_SPECTRA, i, header);
    return false;
  }

  /** Reads the spectra of one granule; returns false where its bits do not suffice. */
  #readGranule(bits: BitReader, granules: Granule[], header: Mp3Header): boolean {
    const isMiddleEnough = this.#isMixed && isMiddleTheMean(header, granules);
    try {
      for (let channel = 0; channel < granules.length; channel++) {
        const granule = granules[channel]!;
        const spectrum = this.#spectra[channel]!;
        const end = bits.position + granule.bits;
        readScaleFactors(bits, granule, header, channel, spectrum.factors);
        spectrum.granule = granule;
        if (isMiddleEnough && channel === 1) requireBits(bits, end);
        else {
          spectrum.lines.fill(0);
          spectrum.coded = readSpectrum(bits, granule, end, spectrum.lines);
          scaleLines(spectrum, this.#isMixed ? 0.5 : 1);
        }
        bits.seek(end);
      }
      return true;
    } catch (error) {
      if (error instanceof OutOfBits) return false;
      throw error;
    }
  }

  #synthesize(
    spectra: readonly ChannelSpectrum[],
    granule: number,
    header: Mp3Header,
  ): void {
    const parts = this.#isMixed ? mixed(header, spectra) : apart(header, spectra);
    for (const part of parts) {
      interleaveWindows(part);
      cancelAliases(part);
    }
    const start = granule * GRANULE_FRAMES;
    if (this.#isMixed) return this.#sounds[0]!.run(parts, this.#samples[0]!, start);
    for (let sound = 0; sound < this.#sounds.length; sound++) {
      const part = parts[sound];
      const own = part === undefined ? NO_SPECTRA : [part];
      this.#sounds[sound]!.run(own, this.#samples[sound]!, start);
    }
  }
}

/** What a frame that cannot be read sounds of. */
const NO_SPECTRA: readonly ChannelSpectrum[] = [];

/** @throws {OutOfBits} where the bytes end before a bit. */
function requireBits(bits: BitReader, end: number): void {
  if (end > 8 * bits.bytes.length) throw new OutOfBits("The bytes end too early");
}

/** The spectra of left and right. */
function apart(
  header: Mp3Header,
  spectra: readonly ChannelSpectrum[],
): readonly ChannelSpectrum[] {
  if (spectra.length === 2) unmixStereo(header, spectra[0]!, spectra[1]!);
  return spectra;
}

/** Whether two channels have the same kind of blocks, so that their spectra can be added. */
function isOfOneKind([first, second]: readonly Granule[]): boolean {
  return first!.blockType === second!.blockType && first!.layout === second!.layout;
}

/** Whether the first spectrum alone is that of the mean: sides cancel each other out. */
function isMiddleTheMean(header: Mp3Header, granules: readonly Granule[]): boolean {
  return header.isMiddleSide && !header.isIntensity && isOfOneKind(granules);
}

/** Spectra of which the sum sounds: one where both are of the same kind of blocks. */
function mixed(
  header: Mp3Header,
  spectra: readonly ChannelSpectrum[],
): readonly ChannelSpectrum[] {
  const [first, second] = spectra;
  if (first === undefined || second === undefined) return spectra;
  const granules = [first.granule, second.granule];
  if (!isOfOneKind(granules)) return apart(header, spectra);
  const { lines } = first;
  if (isMiddleTheMean(header, granules)) {
    for (let i = 0; i < first.coded; i++) lines[i]! *= Math.SQRT2;
    return [first];
  }
  unmixStereo(header, first, second);
  first.coded = Math.max(first.coded, second.coded);
  for (let i = 0; i < first.coded; i++) lines[i]! += second.lines[i]!;
  return [first];
}
