/**
 * Decodes CAF, Apple's container: PCM, floats, mu-law, A-law and IMA's ADPCM, and the packets of ALAC,
 * AAC and Opus.
 *
 * Follows Apple's "Core Audio Format Specification 1.0" (2011).
 *
 * @module
 */

import { appleImaCodec } from "./_adpcm.ts";
import { audioError } from "./_audio_error.ts";
import type { AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader, Wish } from "./_byte_reader.ts";
import { type CodecName, openPacketCodec, type Packet, packetStream } from "./_packet_codec.ts";
import { pcmCodec, type SampleCodec } from "./_sample_codec.ts";
import { sampleStream } from "./_sample_stream.ts";
import { MAX_CHANNELS } from "./decoded_audio.ts";

interface Description {
  sampleRateHz: number;
  format: string;
  flags: number;
  packetBytes: number;
  packetFrames: number;
  channels: number;
  bits: number;
}

/** How long the recording is, and where packets of unlike sizes end. */
interface PacketTable {
  frames: number;
  skipFrames: number;
  sizes: Uint8Array;
  packets: number;
}

interface Chunks {
  description?: Description;
  table?: PacketTable;
  cookie?: Uint8Array;
  data?: { start: number; declaredBytes: number };
}

const FILE_HEADER_BYTES = 8;
const CHUNK_HEADER_BYTES = 12;
const DESCRIPTION_BYTES = 32;
const EDIT_COUNT_BYTES = 4;
const TABLE_HEADER_BYTES = 24;

const MAX_COOKIE_BYTES = 2 ** 16;
const MAX_TABLE_BYTES = 2 ** 26;
const MAX_CHUNKS = 2 ** 12;

const IS_FLOAT = 1;
const IS_LITTLE = 2;

const PACKET_CODECS: Readonly<Record<string, CodecName>> = {
  "alac": "ALAC",
  "aac ": "AAC",
  "opus": "Opus",
};

/** Reads the headers of a CAF file. */
export function* openCaf(reader: ByteReader, file?: string): Asking<AudioStream> {
  const chunks = yield* readChunks(reader, file);
  const { description, data, table } = chunks;
  if (!description) throw audioError(`expected a chunk "desc", found none`, file);
  if (!data) throw audioError(`expected a chunk "data", found none`, file);
  const codec = codecOf(description, file);
  if (codec !== undefined) {
    const totalFrames = table && table.frames > 0 ? table.frames : undefined;
    const stream = sampleStream(reader, { ...description, codec, totalFrames, ...data });
    return { ...stream, skipFrames: table?.skipFrames };
  }
  return yield* openPackets(reader, chunks, file);
}

function* openPackets(reader: ByteReader, chunks: Chunks, file?: string): Asking<AudioStream> {
  const { description, data, table, cookie = new Uint8Array(0) } = chunks;
  const { format, packetBytes, channels, sampleRateHz } = description!;
  const name = PACKET_CODECS[format]!;
  if (packetBytes === 0 && table === undefined) {
    throw audioError(`expected a chunk "pakt" for packets of unlike sizes, found none`, file);
  }
  const codec = yield* openPacketCodec(name, { config: cookie, channels, sampleRateHz }, file);
  const sizes = table === undefined ? undefined : packetSizes(table);
  const skipFrames = Math.max(table?.skipFrames ?? 0, codec.skipFrames ?? 0);
  const expectedFrames = table?.frames || undefined;
  const packets = (warn: (doubt: string) => void) =>
    readPackets(reader, data!, packetBytes, sizes, warn);
  const stream = packetStream(codec, packets, skipFrames + (expectedFrames ?? Infinity));
  return { ...stream, skipFrames, expectedFrames };
}

function* readPackets(
  reader: ByteReader,
  { start, declaredBytes }: { start: number; declaredBytes: number },
  packetBytes: number,
  sizes: Generator<number> | undefined,
  warn: (doubt: string) => void,
): Generator<Packet | Wish, void, unknown> {
  reader.seek(start);
  for (let done = 0; done < declaredBytes;) {
    const size = packetBytes || (sizes?.next().value ?? 0);
    if (size === 0) return;
    const bytes = yield* reader.take(Math.min(size, declaredBytes - done));
    if (bytes.length < size) {
      if (declaredBytes < Infinity || bytes.length > 0) warn("Truncated: the last packet is cut");
      return;
    }
    done += size;
    yield bytes;
  }
}

function* readChunks(reader: ByteReader, file?: string): Asking<Chunks> {
  const chunks: Chunks = {};
  reader.skip(FILE_HEADER_BYTES);
  for (let i = 0; i < MAX_CHUNKS; i++) {
    const head = yield* reader.take(CHUNK_HEADER_BYTES);
    if (head.length < CHUNK_HEADER_BYTES) break;
    const id = String.fromCharCode(...head.subarray(0, 4));
    const view = viewOf(head);
    const size = view.getInt32(4) * 2 ** 32 + view.getUint32(8);
    const start = reader.position;
    if (id === "desc") {
      chunks.description ??= readDescription(yield* reader.take(DESCRIPTION_BYTES), file);
    }
    if (id === "kuki") {
      chunks.cookie ??= (yield* reader.take(Math.min(size, MAX_COOKIE_BYTES))).slice();
    }
    if (id === "pakt") chunks.table ??= yield* readTable(reader, size);
    if (id === "data") {
      const contentBytes = size < 0 ? Infinity : Math.max(0, size - EDIT_COUNT_BYTES);
      chunks.data ??= { start: start + EDIT_COUNT_BYTES, declaredBytes: contentBytes };
      // Samples of one size need nothing that might follow.
      if (size < 0 || chunks.description && chunks.description.packetBytes > 0) break;
    }
    if (size < 0) throw audioError(`expected a chunk of 0 bytes or more, found ${size}`, file);
    reader.seek(start + size);
  }
  return chunks;
}

function readDescription(chunk: Uint8Array, file?: string): Description {
  if (chunk.length < DESCRIPTION_BYTES) {
    throw audioError(`expected ${DESCRIPTION_BYTES} bytes of "desc", found ${chunk.length}`, file);
  }
  const view = viewOf(chunk);
  const channels = view.getUint32(24);
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw audioError(`expected 1 to ${MAX_CHANNELS} channels, found ${channels}`, file);
  }
  return {
    sampleRateHz: Math.round(view.getFloat64(0)),
    format: String.fromCharCode(...chunk.subarray(8, 12)),
    flags: view.getUint32(12),
    packetBytes: view.getUint32(16),
    packetFrames: view.getUint32(20),
    channels,
    bits: view.getUint32(28),
  };
}

function* readTable(reader: ByteReader, size: number): Asking<PacketTable | undefined> {
  const chunk = yield* reader.take(Math.min(Math.max(0, size), MAX_TABLE_BYTES));
  if (chunk.length < TABLE_HEADER_BYTES) return undefined;
  const view = viewOf(chunk);
  return {
    packets: view.getUint32(0) * 2 ** 32 + view.getUint32(4),
    frames: Math.max(0, view.getInt32(8) * 2 ** 32 + view.getUint32(12)),
    skipFrames: Math.max(0, view.getInt32(16)),
    sizes: chunk.slice(TABLE_HEADER_BYTES),
  };
}

/** Sizes in 7 bits a byte, of which the highest bit says that another follows. */
function* packetSizes({ sizes, packets }: PacketTable): Generator<number, undefined> {
  let at = 0;
  for (let i = 0; i < packets && at < sizes.length; i++) {
    let size = 0;
    for (let more = true; more && at < sizes.length; at++) {
      size = size * 128 + (sizes[at]! & 127);
      more = sizes[at]! > 127;
    }
    yield size;
  }
}

/** The codec of samples and blocks of one size, or undefined for packets. */
function codecOf(description: Description, file?: string): SampleCodec | undefined {
  const { format, flags, channels, bits, packetBytes } = description;
  if (Object.hasOwn(PACKET_CODECS, format)) return undefined;
  if (format === "ima4") return appleImaCodec(channels);
  if (format === "ulaw") return pcmCodec({ encoding: "mulaw", bits: 8, channels });
  if (format === "alaw") return pcmCodec({ encoding: "alaw", bits: 8, channels });
  if (format !== "lpcm") {
    throw audioError(`expected CAF of a known kind, found ${JSON.stringify(format)}`, file);
  }
  const isFloat = (flags & IS_FLOAT) !== 0;
  const known = isFloat ? [32, 64] : [8, 16, 24, 32];
  if (!known.includes(bits) || packetBytes !== channels * bits / 8) {
    const found = `${bits} bits and ${packetBytes} bytes a frame`;
    throw audioError(`expected ${known.join(", ")} bits a sample, found ${found}`, file);
  }
  const encoding = isFloat ? "float" : "integer";
  return pcmCodec({ encoding, bits, channels, isBigEndian: (flags & IS_LITTLE) === 0 });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
