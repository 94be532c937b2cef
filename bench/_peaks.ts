/**
 * The most that one thread of this machine can do in WASM, between registers, no memory touched: fused multiply-adds,
 * and dot products of bytes.
 *
 * The module is put together here, a loop over twelve vectors whose sums do not wait for each other: two units of
 * four cycles' delay need eight. Where the engine has no relaxed SIMD it multiplies, then adds, and bytes
 * are integers of 16 bits.
 *
 * @module
 */
import { hasRelaxedSimd } from "../src/kernels/wasm/_module.ts";
import { type Clock, type ClockName, clockOf } from "./_timing.ts";

const VECTORS = 12;
const UNROLLED = 4;
const LANES = 4;
/** Products of a step in each lane. */
const PRODUCTS = { fma: 1, bytes: 4, halves: 2 } as const;
const PASSES = 500_000;
const TRIALS = 8;

const VECTOR = 0x7b;
const [I32, F32] = [0x7f, 0x7d];
const END = 0x0b;
const SPLAT = [0xfd, 0x13];
const ADD = [0xfd, 0xe4, 0x01];
const MULTIPLY = [0xfd, 0xe6, 0x01];
const RELAXED_MADD = [0xfd, 0x85, 0x02];
const RELAXED_DOT = [0xfd, 0x93, 0x02];
const DOT_OF_HALVES = [0xfd, 0xba, 0x01];
const ADD_INTEGERS = [0xfd, 0xae, 0x01];
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

/** The instructions that take two factors to a sum. */
type Step = (sum: number) => number[];

const factors = [...get(FACTOR_A), ...get(FACTOR_B)];
const relaxed = (instruction: number[]): Step => (sum) => [
  ...[...factors, ...get(sum), ...instruction, ...set(sum)],
];
const twoSteps = (multiply: number[], add: number[]): Step => (sum) => [
  ...[...factors, ...multiply, ...get(sum), ...add, ...set(sum)],
];

function body(step: Step): number[] {
  const sums = Array.from({ length: VECTORS }, (_, i) => FIRST_SUM + i);
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
function moduleBytes(step: Step): Uint8Array<ArrayBuffer> {
  const code = body(step);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, "r".charCodeAt(0), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

/** GFLOPS of the best of a few trials, about 0.2 s in all. */
export function fmaPeakGflops(clock: ClockName = "wall"): number {
  const step = hasRelaxedSimd() ? relaxed(RELAXED_MADD) : twoSteps(MULTIPLY, ADD);
  return peakOf(step, PRODUCTS.fma, clockOf(clock));
}

/** Integer multiplications and additions a second, in thousand millions, as {@linkcode fmaPeakGflops} finds them. */
export function dotPeakGops(clock: ClockName = "wall"): number {
  const now = clockOf(clock);
  if (hasRelaxedSimd()) return peakOf(relaxed(RELAXED_DOT), PRODUCTS.bytes, now);
  return peakOf(twoSteps(DOT_OF_HALVES, ADD_INTEGERS), PRODUCTS.halves, now);
}

function peakOf(step: Step, products: number, now: Clock): number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(step)));
  const run = exports.r as (passes: number) => number;
  const operations = 2 * products * LANES * VECTORS * UNROLLED * PASSES;
  const rates = Array.from({ length: TRIALS }, () => {
    const start = now();
    run(PASSES);
    return operations / (now() - start) / 1e6;
  });
  return Math.max(...rates);
}
