/**
 * The first frame of most MP3 files: no sound, but how many frames follow and what of them to cut.
 *
 * Encoders lead in with silence and fill up the last frame. LAME writes how much of both into the
 * frame that Xing invented; a player that knows gives back the very samples that went in.
 *
 * @module
 */

import { GRANULE_FRAMES, type Mp3Header } from "./_mp3_header.ts";

/** What the first frame says. */
export interface Mp3Info {
  /** Frames to leave out at the start. */
  skipFrames: number;
  /** Frames after those, where stated. */
  totalFrames?: number;
}

/** Frames by which every decoder is late. */
const DECODER_DELAY = 529;

const HAS_FRAMES = 1;
const HAS_BYTES = 2;
const HAS_INDEX = 4;
const HAS_QUALITY = 8;
const INDEX_BYTES = 100;

/** From the end of the fields of Xing to the two numbers of 12 bits. */
const DELAYS_AT = 21;

/** Reads the frame at a byte as such information, or returns undefined where it is sound. */
export function readMp3Info(
  bytes: Uint8Array,
  start: number,
  header: Mp3Header,
): Mp3Info | undefined {
  const at = start + 4 + header.sideBytes;
  const end = start + header.frameBytes;
  const name = String.fromCharCode(...bytes.subarray(at, at + 4));
  if (name !== "Xing" && name !== "Info" || end > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, header.frameBytes);
  const fields = at + 4 - start;
  if (fields + 8 > view.byteLength) return { skipFrames: 0 };
  const flags = view.getUint32(fields);
  const count = flags & HAS_FRAMES ? view.getUint32(fields + 4) : undefined;
  const frames = count && count * header.granules * GRANULE_FRAMES;
  const delaysAt = fields + 4 + (flags & HAS_FRAMES ? 4 : 0) + (flags & HAS_BYTES ? 4 : 0) +
    (flags & HAS_INDEX ? INDEX_BYTES : 0) + (flags & HAS_QUALITY ? 4 : 0) + DELAYS_AT;
  if (delaysAt + 3 > view.byteLength) return { skipFrames: 0, totalFrames: frames };
  const delay = view.getUint16(delaysAt) >> 4;
  const padding = (view.getUint8(delaysAt + 1) & 15) << 8 | view.getUint8(delaysAt + 2);
  if (delay === 0 && padding === 0) return { skipFrames: 0, totalFrames: frames };
  return {
    skipFrames: delay + DECODER_DELAY,
    totalFrames: frames && Math.max(0, frames - delay - padding),
  };
}
