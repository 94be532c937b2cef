/**
 * The most that one thread of this machine can do in WASM: fused multiply-adds between registers, no memory touched.
 *
 * The module is put together here, a loop over twelve vectors whose sums do not wait for each other: two units of
 * four cycles' delay need eight. Where the engine has no relaxed SIMD it multiplies, then adds.
 *
 * @module
 */
import { hasRelaxedSimd } from "../src/kernels/wasm/module.ts";

const VECTORS = 12;
const UNROLLED = 4;
const LANES = 4;
/** A multiplication and an addition in each lane. */
const FLOPS_PER_PASS = 2 * LANES * VECTORS * UNROLLED;
const PASSES = 500_000;
const TRIALS = 8;

const VECTOR = 0x7b;
const [I32, F32] = [0x7f, 0x7d];
const END = 0x0b;
const SPLAT = [0xfd, 0x13];
const ADD = [0xfd, 0xe4, 0x01];
const MULTIPLY = [0xfd, 0xe6, 0x01];
const RELAXED_MADD = [0xfd, 0x85, 0x02];
const FIRST_LANE = [0xfd, 0x1f, 0x00];
/** `passes` is local 0, then come the two factors and the sums. */
const [FACTOR_A, FACTOR_B, FIRST_SUM] = [1, 2, 3];

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const splat = (local: number) => [0x43, 0x0a, 0xd7, 0x23, 0x3c, ...SPLAT, ...set(local)]; // 0.01

/** A number in base 128, the last digit below it. */
function leb(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...leb(Math.floor(value / 128))];
}

function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function body(relaxed: boolean): number[] {
  const sums = Array.from({ length: VECTORS }, (_, i) => FIRST_SUM + i);
  const step = (sum: number) =>
    relaxed
      ? [...get(FACTOR_A), ...get(FACTOR_B), ...get(sum), ...RELAXED_MADD, ...set(sum)]
      : [...get(FACTOR_A), ...get(FACTOR_B), ...MULTIPLY, ...get(sum), ...ADD, ...set(sum)];
  const pass = Array.from({ length: UNROLLED }, () => sums.flatMap(step)).flat();
  const countDown = [...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0];
  const total = sums.slice(1).flatMap((sum) => [...get(sum), ...ADD]);
  return [
    ...[1, VECTORS + 2, VECTOR],
    ...splat(FACTOR_A),
    ...splat(FACTOR_B),
    ...[0x03, 0x40, ...pass, ...countDown, END],
    ...[...get(FIRST_SUM), ...total, ...FIRST_LANE, END],
  ];
}

/** A module that exports `r`, from a number of passes to a sum that keeps the loop alive. */
function moduleBytes(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const code = body(relaxed);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, "r".charCodeAt(0), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

/** GFLOPS of the best of a few trials, about 0.2 s in all. */
export function fmaPeakGflops(): number {
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(moduleBytes(hasRelaxedSimd())),
  );
  const run = exports.r as (passes: number) => number;
  const rates = Array.from({ length: TRIALS }, () => {
    const start = performance.now();
    run(PASSES);
    return FLOPS_PER_PASS * PASSES / (performance.now() - start) / 1e6;
  });
  return Math.max(...rates);
}
