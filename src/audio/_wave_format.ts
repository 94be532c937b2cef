/**
 * The description of samples that WAV, RF64 and W64 share: a format tag and what belongs to it.
 *
 * Follows "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft, 1991) and
 * Microsoft's "Multiple Channel Audio Data and WAVE Files" (2001) for the extensible form.
 *
 * @module
 */

import {
  imaAdpcmCodec,
  imaBlockFrames,
  MS_WEIGHTS,
  msAdpcmCodec,
  msBlockFrames,
} from "./_adpcm.ts";
import { audioError } from "./_audio_error.ts";
import { gsmCodec } from "./_gsm.ts";
import { pcmCodec, type SampleCodec, type SampleEncoding } from "./_sample_codec.ts";
import { MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ } from "./decoded_audio.ts";

/** What a `fmt ` chunk says. */
export interface WaveFormat {
  sampleRateHz: number;
  channels: number;
  /** How samples are written, or that the data is an MP3 file. */
  codec: SampleCodec | "MP3";
}

/** The fields that all kinds have. */
interface Fields {
  tag: number;
  channels: number;
  sampleRateHz: number;
  blockBytes: number;
  bits: number;
  /** What stands behind the basic fields. */
  extra: DataView;
}

const FORMAT_BYTES = 16;
const EXTRA_AT = 18;
const EXTENSIBLE_TAG = 0xfffe;
const EXTENSIBLE_FORMAT_BYTES = 40;

/** What follows the format tag in a sub-format GUID, as hexadecimal digits. */
const SUBFORMAT_TAIL = "000000001000800000aa00389b71";

const PCM = 0x0001;
const MS_ADPCM = 0x0002;
const FLOAT = 0x0003;
const A_LAW = 0x0006;
const MU_LAW = 0x0007;
const IMA_ADPCM = 0x0011;
const GSM = 0x0031;
const MP3 = 0x0055;

const PLAIN: ReadonlyMap<number, { name: string; bits: readonly number[] }> = new Map([
  [PCM, { name: "pcm", bits: [8, 16, 24, 32] }],
  [FLOAT, { name: "float", bits: [32, 64] }],
  [A_LAW, { name: "alaw", bits: [8] }],
  [MU_LAW, { name: "mulaw", bits: [8] }],
]);

/** Formats that a WAV file may hold and that are not read here. */
const OTHER_FORMATS: ReadonlyMap<number, string> = new Map([
  [0x0050, "MPEG"],
  [0x00ff, "AAC"],
  [0x0161, "Windows Media Audio"],
]);

/** Most channels of the codes of 4 bits. */
const MAX_MS_CHANNELS = 2;
const MAX_IMA_CHANNELS = 8;

const MAX_MS_WEIGHTS = 256;

/** Reads a `fmt ` chunk. */
export function readWaveFormat(chunk: Uint8Array, file?: string): WaveFormat {
  if (chunk.length < FORMAT_BYTES) {
    throw audioError(`expected a "fmt " chunk of 16 bytes, found ${chunk.length}`, file);
  }
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const extraAt = Math.min(EXTRA_AT, chunk.length);
  const fields: Fields = {
    tag: formatTag(view, file),
    channels: view.getUint16(2, true),
    sampleRateHz: view.getUint32(4, true),
    blockBytes: view.getUint16(12, true),
    bits: view.getUint16(14, true),
    extra: new DataView(chunk.buffer, chunk.byteOffset + extraAt, chunk.length - extraAt),
  };
  const { channels, sampleRateHz } = fields;
  const codec = codecOf(fields, view.getUint16(0, true) === EXTENSIBLE_TAG, file);
  requireRange("channels", channels, 1, MAX_CHANNELS, file);
  requireRange("Hz", sampleRateHz, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, file);
  return { channels, sampleRateHz, codec: codec() };
}

function formatTag(view: DataView, file?: string): number {
  const tag = view.getUint16(0, true);
  if (tag !== EXTENSIBLE_TAG) return tag;
  if (view.byteLength < EXTENSIBLE_FORMAT_BYTES) {
    const found = view.byteLength;
    throw audioError(`expected an extensible "fmt " chunk of 40 bytes, found ${found}`, file);
  }
  let tail = "";
  for (let i = 26; i < EXTENSIBLE_FORMAT_BYTES; i++) {
    tail += view.getUint8(i).toString(16).padStart(2, "0");
  }
  if (tail !== SUBFORMAT_TAIL) {
    throw audioError(`expected an audio sub-format, found one that ends in ${tail}`, file);
  }
  return view.getUint16(24, true);
}

/** Checks a kind's fields; its codec is made when the fields of all kinds were checked too. */
function codecOf(fields: Fields, isExtensible: boolean, file?: string): () => WaveFormat["codec"] {
  switch (fields.tag) {
    case MS_ADPCM:
      return msAdpcm(fields, isExtensible, file);
    case IMA_ADPCM:
      return imaAdpcm(fields, isExtensible, file);
    case GSM:
      return gsm(fields, file);
    case MP3:
      return () => "MP3";
    default:
      return plain(fields, file);
  }
}

function plain({ tag, bits, channels, blockBytes }: Fields, file?: string): () => SampleCodec {
  const known = PLAIN.get(tag);
  if (known === undefined) throw unknownTag(tag, file);
  if (!known.bits.includes(bits)) {
    const expected = `${known.bits.join(", ")} bits a ${known.name} sample`;
    throw audioError(`expected ${expected}, found ${bits}`, file);
  }
  return () => {
    const expected = channels * bits / 8;
    if (blockBytes !== expected) {
      const found = `a block align of ${blockBytes}`;
      throw audioError(`expected ${expected} bytes a frame, found ${found}`, file);
    }
    return pcmCodec({ encoding: encodingOf(tag, bits), bits, channels });
  };
}

function encodingOf(tag: number, bits: number): SampleEncoding {
  if (tag === FLOAT) return "float";
  if (tag === A_LAW) return "alaw";
  if (tag === MU_LAW) return "mulaw";
  return bits === 8 ? "unsigned" : "integer";
}

function unknownTag(tag: number, file?: string) {
  const hex = `0x${tag.toString(16).padStart(4, "0")}`;
  const name = OTHER_FORMATS.get(tag);
  const found = name === undefined ? `format tag ${hex}` : `${name} (format tag ${hex})`;
  const expected = "PCM, float, A-law, mu-law, ADPCM, GSM or MP3";
  return audioError(`expected ${expected}, found ${found}`, file);
}

function msAdpcm(fields: Fields, isExtensible: boolean, file?: string): () => SampleCodec {
  const { blockBytes, channels, extra } = fields;
  requireRange("channels of Microsoft ADPCM", channels, 1, MAX_MS_CHANNELS, file);
  const frames = blockFrames(msBlockFrames(blockBytes, channels), fields, isExtensible, file);
  const weights = isExtensible ? MS_WEIGHTS : msWeights(extra);
  return () => msAdpcmCodec(blockBytes, channels, weights, frames);
}

/** The pairs of weights that the chunk brings along. */
function msWeights(extra: DataView): readonly (readonly [number, number])[] {
  const count = extra.byteLength >= 4 ? extra.getUint16(2, true) : 0;
  if (count === 0 || count > MAX_MS_WEIGHTS || extra.byteLength < 4 + 4 * count) return MS_WEIGHTS;
  return Array.from({ length: count }, (_, i) => {
    return [extra.getInt16(4 + 4 * i, true), extra.getInt16(6 + 4 * i, true)] as const;
  });
}

function imaAdpcm(fields: Fields, isExtensible: boolean, file?: string): () => SampleCodec {
  const { blockBytes, channels } = fields;
  requireRange("channels of IMA ADPCM", channels, 1, MAX_IMA_CHANNELS, file);
  const frames = blockFrames(imaBlockFrames(blockBytes, channels), fields, isExtensible, file);
  return () => imaAdpcmCodec(blockBytes, channels, frames);
}

/** The frames of a block: as many as fit, or fewer where the chunk says so. */
function blockFrames(
  fitting: number,
  { bits, blockBytes, extra }: Fields,
  isExtensible: boolean,
  file?: string,
): number {
  if (bits !== 4) throw audioError(`expected 4 bits an ADPCM sample, found ${bits}`, file);
  if (fitting < 2) {
    throw audioError(`expected a block of ADPCM, found a block align of ${blockBytes}`, file);
  }
  const stated = isExtensible || extra.byteLength < 2 ? 0 : extra.getUint16(0, true);
  return stated >= 2 && stated < fitting ? stated : fitting;
}

function gsm({ channels, blockBytes }: Fields, file?: string): () => SampleCodec {
  requireRange("channels of GSM 6.10", channels, 1, 1, file);
  const codec = gsmCodec("wav");
  if (blockBytes !== codec.groupBytes) {
    const expected = `${codec.groupBytes} bytes a block of GSM 6.10`;
    throw audioError(`expected ${expected}, found a block align of ${blockBytes}`, file);
  }
  return () => codec;
}

function requireRange(what: string, found: number, least: number, most: number, file?: string) {
  if (found >= least && found <= most) return;
  const range = least === most ? `${least}` : `${least} to ${most}`;
  throw audioError(`expected ${range} ${what}, found ${found}`, file);
}
