/**
 * How all benches time: the candidates in turn, round after round, and the median of each.
 *
 * Taking turns gives all of them the same share of whatever else the machine does, so that a ratio holds where single
 * times do not.
 *
 * @module
 */
import { cpuUsage } from "node:process";

/** What counts: time on the wall, or that in which a processor works for this process. */
export type ClockName = "wall" | "processor";

/** Milliseconds since some time or other. */
export type Clock = () => number;

/** A clock by its name. Processor time is for one thread on a machine that does other work. */
export function clockOf(name: ClockName): Clock {
  if (name === "wall") return () => performance.now();
  return () => {
    const { user, system } = cpuUsage();
    return (user + system) / 1000;
  };
}

/** How long and how often. */
export interface TimingOptions<Result> {
  /** @default 7 */
  rounds?: number;
  /** A candidate runs again within its round until this is over. @default 0 */
  roundMs?: number;
  /** Runs before the first round, which do not count: V8 compiles hot code anew beside them. @default 1000 */
  warmUpMs?: number;
  /** @default "wall" */
  clock?: ClockName;
  /** Called with each result after the clock has stopped. */
  after?: (result: Result) => void;
}

/** Times candidates in turn. @returns for each candidate the milliseconds of a run, by round. */
export async function timeInTurn<Result>(
  runs: readonly (() => Result | Promise<Result>)[],
  options: TimingOptions<Result> = {},
): Promise<number[][]> {
  const { rounds = 7, roundMs = 0, warmUpMs = 1000, after } = options;
  const now = clockOf(options.clock ?? "wall");
  const timeOf = async (run: () => Result | Promise<Result>, forMs: number) => {
    let [count, ms] = [0, 0];
    do {
      const start = now();
      const result = await run();
      ms += now() - start;
      after?.(result);
      count++;
    } while (ms < forMs);
    return ms / count;
  };
  for (const run of runs) await timeOf(run, warmUpMs / runs.length);
  const times: number[][] = runs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of runs.entries()) times[i]!.push(await timeOf(run, roundMs));
  }
  return times;
}

/** Times one thing. @returns the median milliseconds of a run. */
export async function medianMsOf<Result>(
  run: () => Result | Promise<Result>,
  options: TimingOptions<Result> = {},
): Promise<number> {
  return median((await timeInTurn([run], options))[0]!);
}

/** The middle value, or the upper of two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Median of the ratios of pairs that were measured beside each other. */
export function medianRatio(values: readonly number[], baselines: readonly number[]): number {
  return median(values.map((value, i) => value / baselines[i]!));
}
