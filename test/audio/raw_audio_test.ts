import { deepEqual, rejects } from "node:assert/strict";
import { encodeWav, withWavHeader } from "../../src/audio/mod.ts";
import { concat } from "./wav_file.ts";

const RAW = { rateHz: 8_000, encoding: "s16", channels: 1 } as const;
const HEADER_BYTES = 44;

/** The samples' bytes behind the header, however they are cut. */
async function behindHeader(bytes: Uint8Array, pieceBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    pieces.push(bytes.subarray(at, at + pieceBytes));
  }
  const all = await Array.fromAsync(withWavHeader(pieces, RAW, { file: "a.wav" }));
  return concat(...all).subarray(HEADER_BYTES);
}

Deno.test("withWavHeader() passes samples on, few or many, in pieces of any size", async () => {
  for (const count of [0, 1, 11, 12, 13, 40]) {
    const bytes = Uint8Array.from({ length: count }, (_, i) => i + 1);
    for (const size of [1, 5, 12, 100]) deepEqual(await behindHeader(bytes, size), bytes);
  }
});

Deno.test("withWavHeader() refuses samples that have a header of their own", async () => {
  const wav = encodeWav(new Float32Array(8), 8_000);
  for (const size of [1, 5, 100]) {
    await rejects(
      behindHeader(wav, size),
      /^AudioFormatError: Cannot decode audio "a\.wav": expected bare samples, found WAV$/,
    );
  }
  // Many samples begin as frames of MP3 and AAC do.
  const loud = new Uint8Array(24).fill(0xff);
  loud[1] = 0xfb;
  loud[2] = 0x90;
  deepEqual(await behindHeader(loud, 5), loud);
});
