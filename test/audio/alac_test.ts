import { deepEqual } from "node:assert/strict";
import { openAlac } from "../../src/audio/_alac.ts";
import { concat } from "./wav_file.ts";

/** Bits of numbers, the highest first, up to whole bytes. */
function packed(...fields: [value: number, bits: number][]): Uint8Array {
  const text = fields.map(([value, bits]) => value.toString(2).padStart(bits, "0")).join("");
  const bytes = text.padEnd(Math.ceil(text.length / 8) * 8, "0").match(/.{8}/g)!;
  return Uint8Array.from(bytes, (byte) => parseInt(byte, 2));
}

/** One channel of two frames of 16 bits. */
const CONFIG = packed(
  ...[[2, 32], [0, 8], [16, 8], [40, 8], [10, 8], [14, 8], [1, 8]] as [number, number][],
  ...[[0, 16], [0, 32], [0, 32], [8000, 32]] as [number, number][],
);

/** A packet of two plain samples, 0.5 and 0.25. */
const PLAIN = packed([0, 3], [0, 16], [0, 1], [0, 2], [1, 1], [16384, 16], [8192, 16], [7, 3]);

function decoded(packet: Uint8Array): number[] {
  const codec = openAlac({ config: CONFIG, channels: 1, sampleRateHz: 8000 });
  return [...codec.decode(packet)[0]![0]!];
}

Deno.test("openAlac() reads samples that are not compressed", () => {
  deepEqual(decoded(PLAIN), [0.5, 0.25]);
});

Deno.test("openAlac() passes over data beside the sound, long and short", () => {
  for (const length of [0, 3, 254]) {
    const head = packed([4, 3], [0, 4], [1, 1], [length, 8]);
    deepEqual(decoded(concat(head, new Uint8Array(length).fill(255), PLAIN)), [0.5, 0.25]);
  }
  for (const more of [0, 1, 200]) {
    const head = packed([4, 3], [0, 4], [1, 1], [255, 8], [more, 8]);
    deepEqual(decoded(concat(head, new Uint8Array(255 + more).fill(255), PLAIN)), [0.5, 0.25]);
  }
});
