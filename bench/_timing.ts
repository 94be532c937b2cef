/**
 * What the processes of `infer.ts` and `train.ts` share: their clip, their clock, their memory.
 *
 * @module
 */
import { resourceUsage } from "node:process";
import { dotPeakGops, fmaPeakGflops } from "./_fma_peak.ts";
import type { RowRequest } from "./_rows.ts";

/** The request that a process was started with. */
export function readRequest(): RowRequest {
  return JSON.parse(Deno.args.at(-1)!) as RowRequest;
}

/** Milliseconds since a process was started, the start of Deno included. */
export function sinceSpawn({ spawnedAt }: RowRequest): number {
  return performance.timeOrigin + performance.now() - spawnedAt;
}

/** V8 compiles hot code anew beside the first runs; this long it may. */
const WARM_UP_MS = 1000;

/** Median of runs one after the other, each waited for, after some that are not counted. */
export async function medianMsOf(
  rounds: number,
  run: () => Promise<unknown> | void,
): Promise<number> {
  const times: number[] = [];
  const warm = performance.now() + WARM_UP_MS;
  while (performance.now() < warm) await run();
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return median(times);
}

/** The middle one, or the upper of two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** The most that was resident in this process so far; the kernel's other account holds the parent's peak too. */
export function peakRssMb(): number {
  const status = Deno.build.os === "linux" ? Deno.readTextFileSync("/proc/self/status") : "";
  const kilobytes = Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1] ?? resourceUsage().maxRSS);
  return kilobytes * 1024 / 1e6;
}

/**
 * Share of the peak of as many threads as were asked for, of dot products of bytes where weights are bytes; null where
 * the work is not done by them.
 */
export function shareOfPeak(
  gflops: number,
  { backend, dtype, threads }: RowRequest,
): number | null {
  if (backend !== "wasm") return null;
  return gflops / (threads * (dtype === "q8" ? dotPeakGops() : fmaPeakGflops()));
}
