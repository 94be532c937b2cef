/**
 * Builds Ogg files of one stream from packets.
 *
 * @module
 */

import { sealOgg } from "./sealed.ts";
import { concat, u32 } from "./wav_file.ts";

const SERIAL = 7;

/** A file with the packets of each page given, of which the last ends at a count of frames. */
export function oggFile(pages: Uint8Array[][], endFrames: number): Uint8Array {
  const bytes = pages.map((packets, i) => {
    const isLast = i === pages.length - 1;
    const flags = (i === 0 ? 2 : 0) | (isLast ? 4 : 0);
    const lacing = packets.flatMap(({ length }) => [
      ...new Array(Math.floor(length / 255)).fill(255),
      length % 255,
    ]);
    const head = [u32(isLast ? endFrames : 0, 0), u32(SERIAL), u32(i), u32(0)];
    return concat(
      "OggS",
      Uint8Array.of(0, flags),
      ...head,
      Uint8Array.of(lacing.length, ...lacing),
      ...packets,
    );
  });
  return sealOgg(concat(...bytes));
}
