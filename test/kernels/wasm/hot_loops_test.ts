/**
 * What the compiler made of the innermost loops of products: a test in one costs a fifth of its speed, and is not seen
 * in the source, where each height of a tile may look like a function of its own.
 */
import { deepEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inflateRawSync } from "node:zlib";
import { BINARY as RELAXED } from "../../../src/kernels/wasm/_relaxed_simd_binary.ts";
import { BINARY as PLAIN } from "../../../src/kernels/wasm/_simd_binary.ts";
import { innermostLoops } from "./_loops.ts";

/** Sums of a tile of four rows by eight columns; loops that sum up less are not those of products. */
const LEAST_SUMS = 8;
/**
 * The sums of each loop: products of int8, of rows that lie apart too, and of float32 by five rows, of float32 by four,
 * depthwise convolutions.
 */
const BUILDS = [
  { name: "relaxed SIMD", binary: RELAXED, sums: [10, 10, 10, 8, 8] },
  { name: "plain SIMD", binary: PLAIN, sums: [10, 8, 8] },
];

for (const { name, binary, sums } of BUILDS) {
  Deno.test(`the loops of products have no branch but their own [wasm, ${name}]`, () => {
    const loops = innermostLoops(inflateRawSync(Buffer.from(binary, "base64")));
    const hot = loops.filter((loop) => loop.sums >= LEAST_SUMS);
    deepEqual(hot.filter(({ branches, calls }) => branches > 1 || calls > 0), []);
    deepEqual(hot.map((loop) => loop.sums).sort((a, b) => b - a), sums);
  });
}
