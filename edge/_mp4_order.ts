/**
 * Whether an MP4 file can be heard while it comes: not where its description stands behind its sound.
 *
 * @module
 */
import { AudioFormatError } from "../src/errors.ts";

/** A file whose sound comes before what tells how to read it. */
export class SoundFirst extends AudioFormatError {
  /** The reason, which in a closing has 123 bytes. */
  constructor() {
    super(
      "Cannot decode audio: expected MP4 with its description first, found it behind the sound; " +
        "ffmpeg -movflags +faststart moves it, and POST /detect takes it as it is",
    );
  }
}

/** Whether the boxes at the start of an MP4 file lead to its sound before its description. */
export function isSoundFirst(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  for (let at = 0; at + 8 <= head.length;) {
    const name = String.fromCharCode(...head.subarray(at + 4, at + 8));
    if (name === "mdat") return true;
    if (name === "moov" || name === "moof") return false;
    const size = view.getUint32(at);
    // Larger boxes, and those that go on to the end, hide what follows.
    if (size < 8) return false;
    at += size;
  }
  return false;
}
