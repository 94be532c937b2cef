/**
 * Finds the samples inside a WAV file, without reading them: RIFF, and its 64-bit forms RF64 and BW64.
 *
 * The chunks may stand in any order. Sizes in the headers are claims: none is trusted further than
 * the bytes that are there, and the RIFF size only tells whether an empty `data` chunk is meant.
 * Follows "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft, 1991) and
 * EBU Tech 3306 for RF64.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { readWaveFormat, type WaveFormat } from "./_wave_format.ts";

/** Where the samples of a WAV file lie and how they are written. */
export interface WavLayout extends WaveFormat {
  /** Position of the first sample in the file. */
  dataStart: number;
  /** Bytes of samples that the header claims; infinite where they run to the end. */
  dataBytes: number;
}

interface Chunk {
  id: string;
  start: number;
  /** Bytes that the header claims. */
  declared: number;
}

/** The sizes that an RF64 file keeps in a chunk of their own. */
interface LargeSizes {
  dataBytes: number;
  /** Sizes of other chunks, by name. */
  others: Map<string, number>;
}

const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;

/** The size that a writer to a pipe leaves behind, where it cannot come back to fill it in. */
const STREAMED_SIZE = 0xffffffff;

/** Most bytes of a `fmt ` chunk that are looked at: room for any description in use. */
const MAX_FORMAT_BYTES = 4_096;

/** Chunks that are looked at before giving up: a file may consist of nothing but empty ones. */
const MAX_CHUNKS = 2 ** 16;

/** Bytes of a `ds64` chunk before its table, and of an entry of the table. */
const LARGE_SIZES_BYTES = 28;
const LARGE_SIZE_BYTES = 12;
const MAX_LARGE_SIZES = 64;

/** Walks from chunk to chunk, at least 8 bytes a step, until both that matter are known. */
export function* readWavLayout(reader: ByteReader, file?: string): Asking<WavLayout> {
  const riff = yield* readRiffHeader(reader, file);
  let sizes: LargeSizes | undefined;
  let format: WaveFormat | undefined;
  let data: Chunk | undefined;
  for (let chunks = 0; !(format && data); chunks++) {
    if (chunks === MAX_CHUNKS) {
      throw audioError(`expected samples among the first ${MAX_CHUNKS} chunks, found none`, file);
    }
    const chunk = yield* readChunkHeader(reader, riff, sizes);
    if (chunk === undefined) break;
    if (chunk.id === "data") {
      data ??= chunk;
      if (format) break;
    } else requireWhole(chunk, reader, file);
    if (chunk.id === "fmt " && !format) {
      const content = yield* reader.take(Math.min(chunk.declared, MAX_FORMAT_BYTES));
      requireRead(chunk, content, file);
      format = readWaveFormat(content, file);
    }
    if (chunk.id === "ds64") sizes ??= yield* readLargeSizes(reader, chunk);
    // A chunk of odd size is followed by a byte of padding.
    reader.seek(chunk.start + chunk.declared + chunk.declared % 2);
  }
  if (!format) throw audioError(`expected a chunk "fmt ", found none`, file);
  if (!data) throw audioError(`expected a chunk "data", found none`, file);
  return { ...format, dataStart: data.start, dataBytes: data.declared };
}

/** Bytes that the whole file claims to have, and whether its sizes are of 64 bits. */
interface Riff {
  endByte: number;
  isLarge: boolean;
}

function* readRiffHeader(reader: ByteReader, file?: string): Asking<Riff> {
  const head = yield* reader.take(RIFF_HEADER_BYTES);
  const magic = textOf(head, 0);
  if (magic === "RIFX") throw audioError("expected RIFF, found RIFX, its big-endian form", file);
  const isLarge = magic === "RF64" || magic === "BW64";
  if (magic !== "RIFF" && !isLarge) {
    throw audioError("expected RIFF at the start of a WAV file", file);
  }
  if (head.length < RIFF_HEADER_BYTES) {
    throw audioError(`expected a WAV header, found ${head.length} bytes`, file);
  }
  const kind = textOf(head, 8);
  if (kind !== "WAVE") {
    throw audioError(`expected a RIFF file of kind "WAVE", found ${JSON.stringify(kind)}`, file);
  }
  return { endByte: viewOf(head).getUint32(4, true) + CHUNK_HEADER_BYTES, isLarge };
}

function* readChunkHeader(
  reader: ByteReader,
  riff: Riff,
  sizes: LargeSizes | undefined,
): Asking<Chunk | undefined> {
  const head = yield* reader.take(CHUNK_HEADER_BYTES);
  if (head.length < CHUNK_HEADER_BYTES) return undefined;
  const id = textOf(head, 0);
  const start = reader.position;
  const declared = viewOf(head).getUint32(4, true);
  if (riff.isLarge && declared === STREAMED_SIZE) {
    const large = id === "data" ? sizes?.dataBytes : sizes?.others.get(id);
    // A writer that was cut off leaves zero there too.
    return { id, start, declared: large || Infinity };
  }
  const isOpen = id === "data" && isStreamed(declared, riff, reader);
  return { id, start, declared: isOpen ? Infinity : declared };
}

/** True where the size was never filled in: the samples then run to the end of the file. */
function isStreamed(declared: number, riff: Riff, reader: ByteReader): boolean {
  if (declared === STREAMED_SIZE) return true;
  if (declared !== 0) return false;
  const { sizeBytes } = reader;
  const writerFinished = sizeBytes !== undefined && Math.abs(riff.endByte - sizeBytes) <= 1;
  return !writerFinished;
}

function* readLargeSizes(reader: ByteReader, { declared }: Chunk): Asking<LargeSizes | undefined> {
  const most = LARGE_SIZES_BYTES + MAX_LARGE_SIZES * LARGE_SIZE_BYTES;
  const content = yield* reader.take(Math.min(declared, most));
  if (content.length < LARGE_SIZES_BYTES) return undefined;
  const view = viewOf(content);
  const others = new Map<string, number>();
  for (let i = 0, at = LARGE_SIZES_BYTES; i < view.getUint32(24, true); i++) {
    if (at + LARGE_SIZE_BYTES > content.length) break;
    others.set(textOf(content, at), size64(view, at + 4));
    at += LARGE_SIZE_BYTES;
  }
  return { dataBytes: size64(view, 8), others };
}

function size64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function requireWhole(chunk: Chunk, reader: ByteReader, file?: string): void {
  const room = reader.sizeBytes === undefined ? Infinity : reader.sizeBytes - chunk.start;
  if (chunk.declared <= room && chunk.declared < Infinity) return;
  throw cutChunk(chunk, room, file);
}

function requireRead(chunk: Chunk, content: Uint8Array, file?: string): void {
  const expected = Math.min(chunk.declared, MAX_FORMAT_BYTES);
  if (content.length < expected) throw cutChunk(chunk, content.length, file);
}

function cutChunk({ id, declared }: Chunk, found: number, file?: string) {
  const expected = `bytes of chunk ${JSON.stringify(id)}`;
  if (declared === Infinity) {
    return audioError(`expected a number of ${expected}, found none`, file);
  }
  return audioError(`expected ${declared} ${expected}, found ${found} bytes to the end`, file);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
