/**
 * Decodes AIFF and AIFC: whole numbers and floats in both orders of bytes, mu-law, A-law, and IMA's
 * ADPCM as Apple packs it.
 *
 * Follows Apple's "Audio Interchange File Format" (1989) and its draft for AIFC (1991).
 *
 * @module
 */

import { appleImaCodec } from "./_adpcm.ts";
import { audioError } from "./_audio_error.ts";
import type { AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { gsmCodec } from "./_gsm.ts";
import { pcmCodec, type SampleCodec, type SampleEncoding } from "./_sample_codec.ts";
import { sampleStream } from "./_sample_stream.ts";
import { MAX_CHANNELS } from "./decoded_audio.ts";

interface Common {
  channels: number;
  sampleRateHz: number;
  codec: SampleCodec;
  /** Frames, or packets of frames, that the header claims. */
  groups: number;
}

interface Data {
  start: number;
  declaredBytes: number;
}

const FORM_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const COMMON_BYTES = 18;

/** Most bytes of the description that are looked at, the name of the compression included. */
const MAX_COMMON_BYTES = 300;

/** What stands before the samples in their chunk: the place of the first, and a block size. */
const DATA_HEADER_BYTES = 8;

const STREAMED_SIZE = 0xffffffff;

/** Chunks that are looked at before giving up. */
const MAX_CHUNKS = 2 ** 16;

const EXPONENT_BIAS = 16_383;

/** Compressions by name; the bits of a sample are those of the header where none are given. */
const COMPRESSIONS: Readonly<
  Record<string, { encoding: SampleEncoding; bits?: number; isBigEndian?: boolean }>
> = {
  "NONE": { encoding: "integer", isBigEndian: true },
  "twos": { encoding: "integer", isBigEndian: true },
  "in24": { encoding: "integer", bits: 24, isBigEndian: true },
  "in32": { encoding: "integer", bits: 32, isBigEndian: true },
  "sowt": { encoding: "integer" },
  "42ni": { encoding: "integer", bits: 24 },
  "23ni": { encoding: "integer", bits: 32 },
  "raw ": { encoding: "unsigned", bits: 8 },
  "fl32": { encoding: "float", bits: 32, isBigEndian: true },
  "FL32": { encoding: "float", bits: 32, isBigEndian: true },
  "fl64": { encoding: "float", bits: 64, isBigEndian: true },
  "FL64": { encoding: "float", bits: 64, isBigEndian: true },
  "ulaw": { encoding: "mulaw", bits: 8 },
  "ULAW": { encoding: "mulaw", bits: 8 },
  "alaw": { encoding: "alaw", bits: 8 },
  "ALAW": { encoding: "alaw", bits: 8 },
};

/** Reads the headers of an AIFF or AIFC file. */
export function* openAiff(reader: ByteReader, file?: string): Asking<AudioStream> {
  const form = yield* reader.take(FORM_BYTES);
  if (form.length < FORM_BYTES) {
    throw audioError(`expected an AIFF header, found ${form.length} bytes`, file);
  }
  const isCompressed = textOf(form, 8) === "AIFC";
  let common: Common | undefined;
  let data: Data | undefined;
  for (let chunks = 0; chunks < MAX_CHUNKS && !(common && data); chunks++) {
    const head = yield* reader.take(CHUNK_HEADER_BYTES);
    if (head.length < CHUNK_HEADER_BYTES) break;
    const start = reader.position;
    const size = viewOf(head).getUint32(4);
    if (textOf(head, 0) === "COMM") {
      common ??= readCommon(
        yield* reader.take(Math.min(size, MAX_COMMON_BYTES)),
        isCompressed,
        file,
      );
    }
    if (textOf(head, 0) === "SSND") data ??= yield* readData(reader, size);
    reader.seek(start + size + size % 2);
  }
  if (!common) throw audioError(`expected a chunk "COMM", found none`, file);
  if (!data) throw audioError(`expected a chunk "SSND", found none`, file);
  const { codec, groups } = common;
  // A writer to a pipe cannot come back to fill the size in, nor the number of frames.
  const isOpen = data.declaredBytes <= 0;
  const declaredBytes = isOpen ? groups * codec.groupBytes || Infinity : data.declaredBytes;
  return sampleStream(reader, { ...common, start: data.start, declaredBytes });
}

function* readData(reader: ByteReader, size: number): Asking<Data> {
  const head = yield* reader.take(DATA_HEADER_BYTES);
  const offset = head.length < DATA_HEADER_BYTES ? 0 : viewOf(head).getUint32(0);
  const isOpen = size === 0 || size === STREAMED_SIZE;
  const declaredBytes = isOpen ? 0 : Math.max(0, size - DATA_HEADER_BYTES - offset);
  return { start: reader.position + offset, declaredBytes };
}

function readCommon(chunk: Uint8Array, isCompressed: boolean, file?: string): Common {
  const expectedBytes = COMMON_BYTES + (isCompressed ? 4 : 0);
  if (chunk.length < expectedBytes) {
    const found = `found ${chunk.length}`;
    throw audioError(`expected a "COMM" chunk of ${expectedBytes} bytes, ${found}`, file);
  }
  const view = viewOf(chunk);
  const channels = view.getUint16(0);
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw audioError(`expected 1 to ${MAX_CHANNELS} channels, found ${channels}`, file);
  }
  const codec = codecOf(
    isCompressed ? textOf(chunk, 18) : "NONE",
    view.getUint16(6),
    channels,
    file,
  );
  return {
    channels,
    sampleRateHz: Math.round(extendedAt(view, 8)),
    codec,
    groups: view.getUint32(2),
  };
}

function codecOf(name: string, bits: number, channels: number, file?: string): SampleCodec {
  if (name === "ima4") return appleImaCodec(channels);
  if (name === "GSM " && channels === 1) return gsmCodec("plain");
  const known = COMPRESSIONS[name];
  if (known === undefined) {
    throw audioError(`expected AIFC of a known kind, found ${JSON.stringify(name)}`, file);
  }
  if (known.bits === undefined && (bits < 1 || bits > 32)) {
    throw audioError(`expected 1 to 32 bits a sample, found ${bits}`, file);
  }
  // Fewer bits stand at the upper end of whole bytes.
  return pcmCodec({ ...known, bits: known.bits ?? Math.ceil(bits / 8) * 8, channels });
}

/** A float of 80 bits: sign and exponent, then a mantissa with its leading one. */
function extendedAt(view: DataView, at: number): number {
  const exponent = view.getUint16(at) - EXPONENT_BIAS;
  return view.getUint32(at + 2) * 2 ** (exponent - 31) +
    view.getUint32(at + 6) * 2 ** (exponent - 63);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
