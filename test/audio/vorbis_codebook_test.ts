import { deepEqual, equal, throws } from "node:assert/strict";
import { OutOfBits } from "../../src/audio/_bit_reader.ts";
import { LsbBitReader } from "../../src/audio/_lsb_bit_reader.ts";
import { Codebook } from "../../src/audio/_vorbis_codebook.ts";

/** Numbers with their bits, the lowest bit of each first. */
function packed(numbers: readonly (readonly [value: number, bits: number])[]): Uint8Array {
  const bits = numbers.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** i) % 2)
  );
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) bytes[i >> 3]! |= bit << (i & 7);
  return bytes;
}

/** Codes of 1, 2, 3 … 14 bits and one more of 14: entry `i` is ones, then a zero. */
const LENGTHS = [...Array.from({ length: 14 }, (_, i) => i + 1), 14];

function codeOf(entry: number): [number, number][] {
  const ones = Array.from({ length: entry }, (): [number, number] => [1, 1]);
  return entry < LENGTHS.length - 1 ? [...ones, [0, 1]] : ones;
}

/** Vectors of which entry `i` has `dimensions * i` and what follows. */
function bookOf(dimensions: number): Codebook {
  const values = LENGTHS.length * dimensions;
  const one = 1 + 788 * 2 ** 21; // a float of Vorbis
  return new Codebook(
    new LsbBitReader(packed([
      [0x564342, 24],
      [dimensions, 16],
      [LENGTHS.length, 24],
      [0, 2], // neither in order nor sparse
      ...LENGTHS.map((length): [number, number] => [length - 1, 5]),
      [2, 4], // all vectors are listed
      [0, 32], // the least value
      [one, 32], // and the step
      [7, 4], // in 8 bits
      [0, 1],
      ...Array.from({ length: values }, (_, i): [number, number] => [i, 8]),
    ])),
    { numbers: 10_000 },
  );
}

Deno.test("Codebook adds the vectors of codes of any length, up to the last bit of a packet", () => {
  const entries = [0, 13, 2, 14, 14, 9, 10, 1, 0, 12, 11, 3];
  for (const dimensions of [1, 2, 3, 4]) {
    const book = bookOf(dimensions);
    const bits = new LsbBitReader(packed(entries.flatMap(codeOf)));
    const size = entries.length * dimensions;
    const out = new Float64Array(size + 2).fill(0.5);
    book.addVectors(bits, out, 1, 1 + size);
    const expected = entries.flatMap((entry) =>
      Array.from({ length: dimensions }, (_, i) => 0.5 + entry * dimensions + i)
    );
    deepEqual([...out], [0.5, ...expected, 0.5]);
    equal(bits.end - bits.position < 8, true);
  }
});

Deno.test("Codebook leaves out of a vector what is past the end", () => {
  const out = new Float64Array(5);
  bookOf(2).addVectors(new LsbBitReader(packed([3, 2, 1].flatMap(codeOf))), out, 0, 5);
  deepEqual([...out], [6, 7, 4, 5, 2]);
});

Deno.test("Codebook has added what is there when a packet ends within a code", () => {
  const bits = new LsbBitReader(packed([4, 14].flatMap(codeOf)).subarray(0, 2));
  const out = new Float64Array(4);
  throws(() => bookOf(2).addVectors(bits, out, 0, 4), OutOfBits);
  deepEqual([...out], [8, 9, 0, 0]);
});
