/**
 * Decodes AAC in ADTS, a run of frames each of which describes itself.
 *
 * Nothing is cut at the start or the end, as the form states no length; ffmpeg has it so too.
 *
 * @module
 */

import { AacDecoder } from "./_aac.ts";
import { type AdtsHeader, readAdtsHeader, readLayout } from "./_aac_config.ts";
import { audioError } from "./_audio_error.ts";
import type { AudioBlocks, AudioStream } from "./_audio_stream.ts";
import { BitReader, OutOfBits } from "./_bit_reader.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { id3Bytes } from "./_id3.ts";

const HEADER_BYTES = 7;
const ID3_HEAD_BYTES = 10;
const FRAMES_A_BLOCK = 1_024;

/** Bytes in which a frame is looked for at first, and at once at most: two of the longest fit. */
const FIRST_SEARCH_BYTES = 2 ** 9;
const SEARCH_BYTES = 2 ** 14;

const CUT = "Truncated: the last frame of AAC is incomplete";

/** The name of the element that says which channels there are, in 3 bits. */
const LAYOUT = 5;

/** Finds the first frame. */
export function* openAdts(reader: ByteReader, file?: string): Asking<AudioStream> {
  reader.skip(id3Bytes(yield* reader.peek(ID3_HEAD_BYTES)));
  const header = yield* findFrame(reader);
  if (header === undefined) throw audioError("expected frames of AAC, found none", file);
  const { sampleRateHz, frameBytes, headerBytes, blocks } = header;
  const frame = yield* reader.peek(frameBytes);
  const channels = header.channels || layoutOf(frame.subarray(headerBytes));
  if (channels === 0) throw audioError("expected AAC of a known layout, found none", file);
  const decoder = new AacDecoder({ sampleRateHz, channels, isHighEfficiency: false });
  const { sizeBytes } = reader;
  const likelyFrames = sizeBytes === undefined
    ? undefined
    : (sizeBytes - reader.position) / frameBytes * blocks * FRAMES_A_BLOCK;
  return {
    sampleRateHz,
    channels,
    likelyFrames,
    blocks: (warn) => adtsBlocks(reader, decoder, header, warn),
  };
}

function* adtsBlocks(
  reader: ByteReader,
  decoder: AacDecoder,
  like: AdtsHeader,
  warn: (doubt: string) => void,
): AudioBlocks {
  for (;;) {
    const head = yield* reader.peek(HEADER_BYTES);
    if (head.length === 0) return;
    if (head.length < HEADER_BYTES) return warn(CUT);
    const at = reader.position;
    const header = readAdtsHeader(head);
    if (header === undefined || !isAlike(header, like)) {
      const found = yield* findFrame(reader, like);
      warn(`${reader.position - at} bytes at byte ${at} are no frame of AAC; they are left out`);
      if (found === undefined) return;
      continue;
    }
    const frame = yield* reader.take(header.frameBytes);
    if (frame.length < header.frameBytes) {
      return warn(CUT);
    }
    yield* decoder.decode(frame.subarray(header.headerBytes), header.blocks);
    if (decoder.warning !== undefined) warn(decoder.warning);
  }
}

/** The next frame that another follows, or that ends the file; the reader stands at its start. */
function* findFrame(reader: ByteReader, like?: AdtsHeader): Asking<AdtsHeader | undefined> {
  let least = FIRST_SEARCH_BYTES;
  for (;;) {
    const bytes = yield* reader.peekAll(least);
    const isEnd = bytes.length < least;
    const window = bytes.subarray(0, SEARCH_BYTES);
    const searched = window.length < SEARCH_BYTES ? window.length : SEARCH_BYTES / 2;
    const at = frameIn(window.subarray(0, searched), window, isEnd, like);
    const header = at === undefined ? undefined : readAdtsHeader(window, at);
    if (header !== undefined) {
      reader.skip(at!);
      return header;
    }
    if (window.length < SEARCH_BYTES && !isEnd) {
      least = Math.min(2 * window.length, SEARCH_BYTES);
      continue;
    }
    reader.skip(searched);
    if (isEnd) return undefined;
    least = FIRST_SEARCH_BYTES;
  }
}

/** Where a frame begins, undefined where none does or what follows the first is not there yet. */
function frameIn(
  searched: Uint8Array,
  window: Uint8Array,
  isEnd: boolean,
  like?: AdtsHeader,
): number | undefined {
  for (let at = 0; at < searched.length; at++) {
    const header = readAdtsHeader(window, at);
    if (header === undefined || like && !isAlike(header, like)) continue;
    const next = at + header.frameBytes;
    const following = readAdtsHeader(window, next);
    if (following && isAlike(following, header)) return at;
    const isOut = next + HEADER_BYTES > window.length;
    if (isOut && isEnd) return at;
    if (isOut && window.length < SEARCH_BYTES) return undefined;
  }
  return undefined;
}

function isAlike(a: AdtsHeader, b: AdtsHeader): boolean {
  return a.sampleRateHz === b.sampleRateHz && a.channels === b.channels;
}

/** The channels that a frame says there are, 0 where it does not begin with that. */
function layoutOf(block: Uint8Array): number {
  try {
    const bits = new BitReader(block);
    return bits.read(3) === LAYOUT ? readLayout(bits).channels : 0;
  } catch (error) {
    if (error instanceof OutOfBits) return 0;
    throw error;
  }
}
