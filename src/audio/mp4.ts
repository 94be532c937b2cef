/**
 * Takes MP4, M4A and MOV apart, whole or in fragments as Safari records them.
 *
 * Of several tracks the first with sound is decoded. What an edit list leaves out at the start (an
 * encoder's delay) and at the end is left out. The list of packets may stand behind them: then the source
 * must be one that can go back. Follows ISO/IEC 14496-12 and -14.
 *
 * @module
 */

import { appleImaCodec } from "./_adpcm.ts";
import { audioError } from "./_audio_error.ts";
import type { AudioBlocks, AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader, Wish } from "./_byte_reader.ts";
import { boxAt, boxesOf, readSoundEntry, type SoundEntry, viewOf } from "./_mp4_boxes.ts";
import { chunkRuns, fragmentDefaults, fragmentRuns, type PacketRun } from "./_mp4_samples.ts";
import { openPacketCodec, type Packet, packetStream } from "./_packet_codec.ts";
import { pcmCodec, type SampleCodec } from "./_sample_codec.ts";
import { MAX_CHANNELS } from "./decoded_audio.ts";

interface TopBox {
  name: string;
  /** The box's first byte, that of its content, and the first behind it. */
  start: number;
  contentStart: number;
  end: number;
}

interface Movie {
  content: Uint8Array;
  /** The first byte behind it. */
  end: number;
}

interface SoundTrack {
  number: number;
  /** The tables of its packets. */
  table: Uint8Array;
  entry: SoundEntry;
  /** The recording within what the packets decode to, in seconds. */
  startSec: number;
  lengthSec?: number;
}

const HEADER_BYTES = 16;
const MAX_MOVIE_BYTES = 2 ** 26;
const MAX_FRAGMENT_BYTES = 2 ** 24;
const MAX_PACKET_BYTES = 2 ** 24;
const MAX_EMPTY_PACKETS = 2 ** 16;
const MAX_TOP_BOXES = 2 ** 20;

/** Bytes of samples that are decoded at once. */
const PIECE_BYTES = 2 ** 16;

/** Reads the headers of an MP4, M4A or MOV file. */
export function* openMp4(reader: ByteReader, file?: string): Asking<AudioStream> {
  const movie = yield* readMovie(reader, file);
  const track = findTrack(movie.content, file);
  const runs = (warn: (doubt: string) => void) => readRuns(reader, movie, track, warn);
  const { entry } = track;
  if ("codec" in entry.coding) {
    const { codec: name, config } = entry.coding;
    const codec = yield* openPacketCodec(name, { ...entry, config }, file);
    const rateHz = codec.sampleRateHz;
    // An edit list counts what the codec's own header counts too.
    const skipFrames = Math.max(Math.round(track.startSec * rateHz), codec.skipFrames ?? 0);
    const expectedFrames = framesOf(track.lengthSec, rateHz);
    const packets = (warn: (doubt: string) => void) => readPackets(reader, runs(warn), warn, file);
    const stream = packetStream(codec, packets, skipFrames + (expectedFrames ?? Infinity));
    return { ...stream, skipFrames, expectedFrames };
  }
  const samples = sampleCodec(entry, file);
  return {
    channels: entry.channels,
    sampleRateHz: entry.sampleRateHz,
    skipFrames: Math.round(track.startSec * entry.sampleRateHz),
    // The rounding of a length in seconds must not cut what fills a block.
    totalFrames: samples.groupFrames === 1
      ? framesOf(track.lengthSec, entry.sampleRateHz)
      : undefined,
    expectedFrames: framesOf(track.lengthSec, entry.sampleRateHz),
    blocks: (warn) => sampleBlocks(reader, runs(warn), samples, warn),
  };
}

function framesOf(seconds: number | undefined, rateHz: number): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * rateHz);
}

/** Passes over what stands before the movie's description, and reads that. */
function* readMovie(reader: ByteReader, file?: string): Asking<Movie> {
  for (let i = 0; i < MAX_TOP_BOXES; i++) {
    const box = yield* nextBox(reader);
    if (box === undefined) break;
    if (box.name === "moov") {
      const size = box.end - box.contentStart;
      if (size > MAX_MOVIE_BYTES) {
        const expected = `an MP4 description of at most ${MAX_MOVIE_BYTES} bytes`;
        throw audioError(`expected ${expected}, found ${size}`, file);
      }
      reader.seek(box.contentStart);
      const content = (yield* reader.take(size)).slice();
      if (content.length < size) break;
      return { content, end: box.end };
    }
    reader.seek(box.end);
  }
  throw audioError(`expected a description "moov" in MP4, found none`, file);
}

/** The header of the box at the reader's place, or undefined at the end. */
function* nextBox(reader: ByteReader): Asking<TopBox | undefined> {
  const start = reader.position;
  const head = yield* reader.peek(HEADER_BYTES);
  if (head.length < 8) return undefined;
  const view = viewOf(head);
  const name = String.fromCharCode(...head.subarray(4, 8));
  const size = view.getUint32(0);
  if (size === 0) return { name, start, contentStart: start + 8, end: Infinity };
  if (size > 1) {
    return size < 8 ? undefined : { name, start, contentStart: start + 8, end: start + size };
  }
  if (head.length < HEADER_BYTES) return undefined;
  const large = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
  if (large < HEADER_BYTES) return undefined;
  return { name, start, contentStart: start + HEADER_BYTES, end: start + large };
}

function findTrack(movie: Uint8Array, file?: string): SoundTrack {
  for (const { name, content } of boxesOf(movie)) {
    if (name !== "trak") continue;
    const handler = boxAt(content, "mdia", "hdlr");
    if (handler === undefined || String.fromCharCode(...handler.subarray(8, 12)) !== "soun") {
      continue;
    }
    const table = boxAt(content, "mdia", "minf", "stbl");
    const description = table && boxAt(table, "stsd");
    if (table === undefined || description === undefined) continue;
    const entry = readSoundEntry(description, file);
    return { number: trackNumber(content), table, entry, ...readEdit(movie, content) };
  }
  throw audioError("expected a track of sound in MP4, found none", file);
}

function trackNumber(track: Uint8Array): number {
  const head = boxAt(track, "tkhd");
  const at = head?.[0] === 1 ? 20 : 12;
  return head === undefined || head.length < at + 4 ? 0 : viewOf(head).getUint32(at);
}

/** The first part of the track that is not empty, by its edit list. */
function readEdit(movie: Uint8Array, track: Uint8Array): { startSec: number; lengthSec?: number } {
  const list = boxAt(track, "edts", "elst");
  const [whole, own] = [boxAt(movie, "mvhd"), boxAt(track, "mdia", "mdhd")].map(ticksASecond);
  if (list === undefined || list.length < 8 || !whole || !own) return { startSec: 0 };
  const view = viewOf(list);
  const isLarge = list[0] === 1;
  const width = isLarge ? 20 : 12;
  const count = Math.min(view.getUint32(4), Math.floor((list.length - 8) / width));
  const kept = Array.from({ length: count }, (_, i) => {
    const at = 8 + i * width;
    const high = (place: number) => isLarge ? view.getInt32(place) * 2 ** 32 : 0;
    const timeAt = at + (isLarge ? 8 : 4);
    return {
      length: high(at) + view.getUint32(at + (isLarge ? 4 : 0)),
      time: isLarge ? high(timeAt) + view.getUint32(timeAt + 4) : view.getInt32(timeAt),
    };
  }).filter(({ time }) => time >= 0);
  const [first] = kept;
  if (first === undefined) return { startSec: 0 };
  const isOnly = kept.length === 1 && first.length > 0;
  return { startSec: first.time / own, lengthSec: isOnly ? first.length / whole : undefined };
}

function ticksASecond(head: Uint8Array | undefined): number {
  const at = head?.[0] === 1 ? 20 : 12;
  return head === undefined || head.length < at + 4 ? 0 : viewOf(head).getUint32(at);
}

/** The runs of packets of the whole file, then those of its fragments as they come. */
function* readRuns(
  reader: ByteReader,
  movie: Movie,
  track: SoundTrack,
  warn: (doubt: string) => void,
): Generator<PacketRun | Wish, void, unknown> {
  yield* chunkRuns(track.table);
  const defaults = fragmentDefaults(movie.content, track.number);
  if (defaults === undefined) return;
  for (let at = movie.end; at < Infinity;) {
    reader.seek(at);
    const box = yield* nextBox(reader);
    if (box === undefined) {
      if ((yield* reader.peek(1)).length > 0) warn("Truncated: the last MP4 box is incomplete");
      return;
    }
    if (box.name === "moof") {
      const size = box.end - box.contentStart;
      reader.seek(box.contentStart);
      const content = yield* reader.take(Math.min(size, MAX_FRAGMENT_BYTES));
      if (content.length < size) return warn("Truncated: the last MP4 fragment is incomplete");
      const fragment = content.slice();
      // The header of the box with the packets is read first, as a stream cannot go back to it.
      const following = yield* nextBox(reader);
      yield* fragmentRuns(fragment, box.start, defaults);
      at = following?.name === "mdat" ? following.end : box.end;
    } else at = box.end;
  }
}

function isRun(step: PacketRun | Wish): step is PacketRun {
  return !(step instanceof Promise) && "sizes" in step;
}

function* readPackets(
  reader: ByteReader,
  runs: Generator<PacketRun | Wish, void, unknown>,
  warn: (doubt: string) => void,
  file?: string,
): Generator<Packet | Wish, void, unknown> {
  const { sizeBytes = Infinity } = reader;
  let [bytesRead, empty] = [0, 0];
  let step = runs.next();
  while (!step.done) {
    if (!isRun(step.value)) {
      step = runs.next(yield step.value);
      continue;
    }
    let at = step.value.start;
    for (const size of step.value.sizes) {
      reader.seek(at);
      const bytes = size > MAX_PACKET_BYTES ? undefined : yield* reader.take(size);
      if (bytes === undefined || bytes.length < size) {
        return warn("Truncated: the last MP4 packet is incomplete");
      }
      at += size;
      bytesRead += size;
      if (bytesRead > sizeBytes || size === 0 && ++empty > MAX_EMPTY_PACKETS) {
        throw audioError(
          "expected MP4 packets beside each other, found them over each other",
          file,
        );
      }
      if (size > 0) yield bytes;
    }
    step = runs.next();
  }
}

function sampleCodec({ coding, channels }: SoundEntry, file?: string): SampleCodec {
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw audioError(`expected 1 to ${MAX_CHANNELS} channels, found ${channels}`, file);
  }
  if ("codec" in coding || coding.encoding === "ima4") return appleImaCodec(channels);
  const { encoding, bits } = coding;
  const known = encoding === "float" ? [32, 64] : [8, 16, 24, 32];
  if (!known.includes(bits)) {
    throw audioError(`expected ${known.join(", ")} bits a sample, found ${bits}`, file);
  }
  return pcmCodec({ ...coding, channels });
}

/** Samples without packets: a run is as many frames as its table says. */
function* sampleBlocks(
  reader: ByteReader,
  runs: Generator<PacketRun | Wish, void, unknown>,
  codec: SampleCodec,
  warn: (doubt: string) => void,
): AudioBlocks {
  const { groupBytes, groupFrames } = codec;
  let step = runs.next();
  while (!step.done) {
    if (!isRun(step.value)) {
      step = runs.next(yield step.value);
      continue;
    }
    const { start, count, sizes: [size] } = step.value;
    reader.seek(start);
    // Older files count frames here, newer ones what decodes alone.
    const groups = groupFrames === 1 || size === groupBytes
      ? count
      : Math.floor(count / groupFrames);
    let left = groups * groupBytes;
    while (left > 0) {
      const piece = Math.min(left, Math.ceil(PIECE_BYTES / groupBytes) * groupBytes);
      const bytes = yield* reader.takeGroups(groupBytes, piece);
      if (bytes.length === 0) return warn("Truncated: the last MP4 chunk is incomplete");
      left -= bytes.length;
      yield codec.decode(bytes);
    }
    step = runs.next();
  }
}
