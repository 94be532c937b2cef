/**
 * Finds the samples inside a WAV file, without reading them.
 *
 * The chunks may stand in any order. Sizes in the headers are claims: none is trusted further than
 * the bytes that are there, and the RIFF size only tells whether an empty `data` chunk is meant.
 * Follows "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft, 1991) and
 * Microsoft's "Multiple Channel Audio Data and WAVE Files" (2001) for the extensible form.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import {
  type DecodeOptions,
  MAX_CHANNELS,
  MAX_SAMPLE_RATE_HZ,
  MIN_SAMPLE_RATE_HZ,
} from "./decoded_audio.ts";

/** How a WAV file writes one sample. */
export type WavEncoding = "pcm" | "float" | "alaw" | "mulaw";

/** Where the samples of a WAV file lie and how they are written. */
export interface WavLayout {
  encoding: WavEncoding;
  bitsPerSample: number;
  channels: number;
  sampleRateHz: number;
  /** Position of the first sample in the file. */
  dataOffset: number;
  /** Whole frames present, at least 1. */
  frames: number;
  warning?: string;
}

interface Chunk {
  start: number;
  /** Bytes that the header claims. */
  declared: number;
  /** Bytes that are there. */
  size: number;
}

type Format = Pick<WavLayout, "encoding" | "bitsPerSample" | "channels" | "sampleRateHz">;

const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const FORMAT_BYTES = 16;
const EXTENSIBLE_FORMAT_BYTES = 40;

/** The size that a writer to a pipe leaves behind, where it cannot come back to fill it in. */
const STREAMED_SIZE = 0xffffffff;

const EXTENSIBLE_TAG = 0xfffe;

/** What follows the format tag in a sub-format GUID, as hexadecimal digits. */
const SUBFORMAT_TAIL = "000000001000800000aa00389b71";

const ENCODINGS: ReadonlyMap<number, { encoding: WavEncoding; bits: readonly number[] }> = new Map([
  [0x0001, { encoding: "pcm", bits: [8, 16, 24, 32] }],
  [0x0003, { encoding: "float", bits: [32, 64] }],
  [0x0006, { encoding: "alaw", bits: [8] }],
  [0x0007, { encoding: "mulaw", bits: [8] }],
]);

/** Formats that a WAV file may hold and that are not read here. */
const OTHER_FORMATS: ReadonlyMap<number, string> = new Map([
  [0x0002, "Microsoft ADPCM"],
  [0x0011, "IMA ADPCM"],
  [0x0031, "GSM 6.10"],
  [0x0050, "MPEG"],
  [0x0055, "MP3"],
  [0x00ff, "AAC"],
  [0x0161, "Windows Media Audio"],
]);

/** Reads the headers of a WAV file and holds them against the bytes that are there. */
export function readWavLayout(bytes: Uint8Array, options: DecodeOptions): WavLayout {
  const { file, maxSeconds = Infinity } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { format: formatChunk, data } = findChunks(view, file);
  const format = readFormat(view, formatChunk, file);
  const frameBytes = format.channels * format.bitsPerSample / 8;
  const frames = Math.floor(data.size / frameBytes);
  if (frames === 0) throw audioError("expected samples, found an empty clip", file);
  const seconds = frames / format.sampleRateHz;
  if (seconds > maxSeconds) {
    throw audioError(`expected at most ${maxSeconds} s, found ${seconds.toFixed(1)} s`, file);
  }
  const warning = dataWarning(data, frames, frameBytes);
  return { ...format, dataOffset: data.start, frames, warning };
}

/** Walks from chunk to chunk, at least 8 bytes a step, until both that matter are known. */
function findChunks(view: DataView, file?: string): { format: Chunk; data: Chunk } {
  requireRiffHeader(view, file);
  let format: Chunk | undefined;
  let data: Chunk | undefined;
  let at = RIFF_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= view.byteLength && !(format && data)) {
    const id = textAt(view, at, 4);
    const chunk = chunkAt(view, at, id);
    if (id === "data") data ??= chunk;
    else requireWhole(chunk, id, file);
    if (id === "fmt ") format ??= chunk;
    at = endOf(chunk);
  }
  if (!format) throw audioError(`expected a chunk "fmt ", found none`, file);
  if (!data) throw audioError(`expected a chunk "data", found none`, file);
  return { format, data };
}

function requireRiffHeader(view: DataView, file?: string): void {
  const magic = textAt(view, 0, 4);
  if (magic === "RIFX") throw audioError("expected RIFF, found RIFX, its big-endian form", file);
  if (magic === "RF64") throw audioError("expected RIFF, found RF64, its 64-bit form", file);
  if (magic !== "RIFF") throw audioError("expected RIFF at the start of a WAV file", file);
  if (view.byteLength < RIFF_HEADER_BYTES) {
    throw audioError(`expected a WAV header, found ${view.byteLength} bytes`, file);
  }
  const kind = textAt(view, 8, 4);
  if (kind !== "WAVE") {
    throw audioError(`expected a RIFF file of kind "WAVE", found ${JSON.stringify(kind)}`, file);
  }
}

function chunkAt(view: DataView, at: number, id: string): Chunk {
  const start = at + CHUNK_HEADER_BYTES;
  const rest = view.byteLength - start;
  const declared = view.getUint32(at + 4, true);
  if (id === "data" && isStreamed(view, declared)) return { start, declared: rest, size: rest };
  return { start, declared, size: Math.min(declared, rest) };
}

/** Where the next chunk begins: a chunk of odd size is followed by a byte of padding. */
function endOf({ start, size }: Chunk): number {
  return start + size + size % 2;
}

function requireWhole({ declared, size }: Chunk, id: string, file?: string): void {
  if (declared === size) return;
  const expected = `${declared} bytes of chunk ${JSON.stringify(id)}`;
  throw audioError(`expected ${expected}, found ${size} bytes to the end`, file);
}

/** True where the size was never filled in: the samples then run to the end of the file. */
function isStreamed(view: DataView, declared: number): boolean {
  if (declared === STREAMED_SIZE) return true;
  if (declared !== 0) return false;
  const riffEnd = view.getUint32(4, true) + CHUNK_HEADER_BYTES;
  const writerFinished = Math.abs(riffEnd - view.byteLength) <= 1;
  return !writerFinished;
}

function readFormat(view: DataView, chunk: Chunk, file?: string): Format {
  if (chunk.size < FORMAT_BYTES) {
    throw audioError(`expected a "fmt " chunk of 16 bytes, found ${chunk.size}`, file);
  }
  const tag = formatTag(view, chunk, file);
  const channels = view.getUint16(chunk.start + 2, true);
  const sampleRateHz = view.getUint32(chunk.start + 4, true);
  const frameBytes = view.getUint16(chunk.start + 12, true);
  const bitsPerSample = view.getUint16(chunk.start + 14, true);
  const encoding = encodingOf(tag, bitsPerSample, file);
  requireRange("channels", channels, 1, MAX_CHANNELS, file);
  requireRange("Hz", sampleRateHz, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, file);
  const expected = channels * bitsPerSample / 8;
  if (frameBytes !== expected) {
    throw audioError(
      `expected ${expected} bytes a frame, found a block align of ${frameBytes}`,
      file,
    );
  }
  return { encoding, bitsPerSample, channels, sampleRateHz };
}

function formatTag(view: DataView, chunk: Chunk, file?: string): number {
  const tag = view.getUint16(chunk.start, true);
  if (tag !== EXTENSIBLE_TAG) return tag;
  if (chunk.size < EXTENSIBLE_FORMAT_BYTES) {
    throw audioError(`expected an extensible "fmt " chunk of 40 bytes, found ${chunk.size}`, file);
  }
  let tail = "";
  for (let i = 26; i < EXTENSIBLE_FORMAT_BYTES; i++) {
    tail += view.getUint8(chunk.start + i).toString(16).padStart(2, "0");
  }
  if (tail !== SUBFORMAT_TAIL) {
    throw audioError(`expected an audio sub-format, found one that ends in ${tail}`, file);
  }
  return view.getUint16(chunk.start + 24, true);
}

function encodingOf(tag: number, bits: number, file?: string): WavEncoding {
  const known = ENCODINGS.get(tag);
  if (known === undefined) {
    const hex = `0x${tag.toString(16).padStart(4, "0")}`;
    const name = OTHER_FORMATS.get(tag);
    const found = name === undefined ? `format tag ${hex}` : `${name} (format tag ${hex})`;
    throw audioError(`expected PCM, float, A-law or mu-law, found ${found}`, file);
  }
  if (known.bits.includes(bits)) return known.encoding;
  const expected = known.bits.join(", ");
  throw audioError(`expected ${expected} bits a ${known.encoding} sample, found ${bits}`, file);
}

function requireRange(unit: string, found: number, least: number, most: number, file?: string) {
  if (found >= least && found <= most) return;
  throw audioError(`expected ${least} to ${most} ${unit}, found ${found}`, file);
}

function dataWarning(data: Chunk, frames: number, frameBytes: number): string | undefined {
  const seen = `read the ${frames} whole frames that are there`;
  if (data.declared > data.size) {
    return `Truncated: ${data.declared} bytes of samples declared, ${data.size} found; ${seen}`;
  }
  return data.size % frameBytes === 0 ? undefined : `The last frame is incomplete; ${seen}`;
}

function textAt(view: DataView, at: number, length: number): string {
  let text = "";
  const end = Math.min(at + length, view.byteLength);
  for (let i = at; i < end; i++) text += String.fromCharCode(view.getUint8(i));
  return text;
}
