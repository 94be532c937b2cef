/**
 * Decodes W64: WAV with sizes of 64 bits, and chunks that are named by 16 bytes.
 *
 * Follows Sonic Foundry's "Wave64 file format" (2003); samples are described as in WAV.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader } from "./_byte_reader.ts";
import { readWaveFormat, type WaveFormat } from "./_wave_format.ts";
import { waveStream } from "./wav.ts";

/** A name, a size, and the name of the kind, here too with 16 bytes. */
const FILE_HEADER_BYTES = 40;
const CHUNK_HEADER_BYTES = 24;

/** Chunks begin at multiples of it. */
const ALIGNMENT = 8;

const MAX_FORMAT_BYTES = 4_096;
const MAX_CHUNKS = 2 ** 16;

/** Reads the headers of a W64 file. */
export function* openW64(reader: ByteReader, file?: string): Asking<AudioStream> {
  const head = yield* reader.take(FILE_HEADER_BYTES);
  if (head.length < FILE_HEADER_BYTES || nameOf(head.subarray(24)) !== "wave") {
    throw audioError(`expected a W64 header, found other bytes`, file);
  }
  let format: WaveFormat | undefined;
  let data: { dataStart: number; dataBytes: number } | undefined;
  for (let chunks = 0; chunks < MAX_CHUNKS && !(format && data); chunks++) {
    const chunk = yield* reader.take(CHUNK_HEADER_BYTES);
    if (chunk.length < CHUNK_HEADER_BYTES) break;
    const start = reader.position;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const size = view.getUint32(20, true) * 2 ** 32 + view.getUint32(16, true);
    const contentBytes = Math.max(0, size - CHUNK_HEADER_BYTES);
    if (nameOf(chunk) === "fmt " && !format) {
      const content = yield* reader.take(Math.min(contentBytes, MAX_FORMAT_BYTES));
      format = readWaveFormat(content, file);
    }
    // A writer that was cut off leaves no size behind.
    if (nameOf(chunk) === "data") {
      data ??= { dataStart: start, dataBytes: size === 0 ? Infinity : contentBytes };
    }
    reader.seek(start + Math.ceil(contentBytes / ALIGNMENT) * ALIGNMENT);
  }
  if (!format) throw audioError(`expected a chunk "fmt ", found none`, file);
  if (!data) throw audioError(`expected a chunk "data", found none`, file);
  return yield* waveStream(reader, { ...format, ...data }, file);
}

/** The four letters that the names of all usual chunks begin with. */
function nameOf(guid: Uint8Array): string {
  return String.fromCharCode(...guid.subarray(0, 4));
}
