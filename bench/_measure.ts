/**
 * How the benches time: the candidates in turn, round after round, the best and the median of each.
 *
 * Taking turns gives all of them the same share of whatever else the machine does; the best round
 * is what the code can do, and the distance to the median shows how far to trust it.
 *
 * @module
 */
import { type Tensor, tensor } from "@tensorflow/tfjs-core";

/** One thing to time. */
export interface Candidate {
  name: string;
  /** Arithmetic of a run, or another amount of work in the unit of the options. */
  flops: number;
  /** The new tensors are disposed after the clock has stopped. */
  run: () => Tensor | Tensor[];
  /** The most that the machine can do, in the unit of `flops`; the share of it is printed. */
  peakRate?: number;
  /** The name of the candidate that this one is to be faster than; how much is printed. */
  baseline?: string;
}

/** Rounds, and the time that a candidate gets in each. */
export interface MeasureOptions {
  /** @default 15 */
  rounds?: number;
  /** @default 20 */
  roundMs?: number;
  /** What `flops` counts, a thousand million a second. @default "GFLOPS" */
  unit?: string;
}

/** What was found of a candidate: a line of a suite that was started with `--json`. */
export interface MeasuredRow {
  name: string;
  bestMs: number;
  medianMs: number;
  /** Of the best round. */
  rate: number;
  unit: string;
  /** The most that the machine can do, where the suite knows it. */
  peakRate?: number;
}

/** Times all candidates and prints a line for each, as JSON where the command line says `--json`. */
export function measure(candidates: readonly Candidate[], options: MeasureOptions = {}): void {
  const { rounds = 15, roundMs = 20, unit = "GFLOPS" } = options;
  const times: number[][] = candidates.map(() => []);
  // The first round compiles.
  for (let round = 0; round <= rounds; round++) {
    candidates.forEach((candidate, i) => {
      const perRunMs = timeOf(candidate, roundMs);
      if (round > 0) times[i]!.push(perRunMs);
    });
  }
  const bestOf = candidates.map((_, i) => Math.min(...times[i]!));
  candidates.forEach(({ name, flops, peakRate, baseline }, i) => {
    const sorted = times[i]!.sort((a, b) => a - b);
    const [best, median] = [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!];
    if (Deno.args.includes("--json")) {
      const row: MeasuredRow = {
        ...{ name, bestMs: best, medianMs: median, rate: flops / best / 1e6, unit, peakRate },
      };
      console.log(JSON.stringify(row));
      return;
    }
    const rate = (ms: number) => (flops / ms / 1e6).toFixed(1).padStart(6);
    const share = peakRate ? `  ${(100 * flops / best / 1e6 / peakRate).toFixed(0)} % of peak` : "";
    const rival = bestOf[candidates.findIndex((candidate) => candidate.name === baseline)];
    const ratio = rival === undefined ? "" : `  ${(rival / best).toFixed(2)} x faster`;
    console.log(
      `${name.padEnd(58)} best ${best.toFixed(3).padStart(9)} ms  median ${
        median.toFixed(3).padStart(9)
      } ms  ${rate(best)} ${unit}  median ${rate(median)}${share}${ratio}`,
    );
  });
}

function timeOf({ run }: Candidate, roundMs: number): number {
  let [runs, ms] = [0, 0];
  while (ms < roundMs) {
    const start = performance.now();
    const outputs = run();
    ms += performance.now() - start;
    for (const output of [outputs].flat()) output.dispose();
    runs++;
  }
  return ms / runs;
}

/** Normally distributed numbers; the same at every run. */
export function randomTensor(shape: number[], deviation = 1): Tensor {
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from(
    { length: size },
    () => deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  return tensor(values, shape, "float32");
}
