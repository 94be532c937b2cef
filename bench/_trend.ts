/**
 * The history of each figure, by processor, and whether it got worse.
 *
 * @module
 */
import { type BenchRecord, type BenchRow, betterBy, type Unit } from "./_records.ts";
import { median } from "./_timing.ts";

/** A figure at one time. */
export interface Point {
  date: string;
  commit: string;
  value: number;
}

/** A figure over time on one processor, oldest first. */
export interface Series {
  processor: string;
  points: Point[];
  /** How many times better the last value is than those before it; absent without any before. */
  change?: number;
  isRegression: boolean;
}

/** A figure over time. */
export interface Trend {
  question: string;
  name: string;
  unit: Unit;
  series: Series[];
  /** What it was last measured beside. */
  beside: Pick<BenchRow, "baseline" | "ratio">[];
}

/** Values before the last that it is compared with: their median. */
const COMPARED = 5;
/** Units that are counted, not timed: any step back counts. */
const COUNTED: readonly Unit[] = ["runs", "reads", "GFLOP", "M parameters"];
/** How many times worse a timed figure must be: runs of one commit differ by less on a machine at rest. */
const TOLERANCE = { timed: 1.1, counted: 1.001 };

/** All figures of a history, in the order in which they first came. */
export function trendsOf(history: readonly BenchRecord[]): Trend[] {
  const trends = new Map<string, Trend>();
  for (const record of history.toSorted((a, b) => a.date < b.date ? -1 : a.date > b.date ? 1 : 0)) {
    const seen = new Set<Trend>();
    for (const row of record.rows) {
      const trend = trendIn(trends, record.question, row);
      if (!seen.has(trend)) {
        trend.beside = [];
        pointsIn(trend, record.processor).push({ ...pick(record), value: row.value });
        seen.add(trend);
      }
      const { baseline, ratio } = row;
      if (baseline !== null) trend.beside.push({ baseline, ratio });
    }
  }
  for (const { unit, series } of trends.values()) series.forEach((one) => judge(one, unit));
  return [...trends.values()];
}

function pick({ date, commit }: BenchRecord): Omit<Point, "value"> {
  return { date, commit };
}

function trendIn(trends: Map<string, Trend>, question: string, { name, unit }: BenchRow): Trend {
  const key = JSON.stringify([question, name, unit]);
  const trend = trends.get(key) ?? { question, name, unit, series: [], beside: [] };
  trends.set(key, trend);
  return trend;
}

function pointsIn({ series }: Trend, processor: string): Point[] {
  const found = series.find((one) => one.processor === processor);
  if (found) return found.points;
  const made: Series = { processor, points: [], isRegression: false };
  series.push(made);
  return made.points;
}

function judge(series: Series, unit: Unit): void {
  const values = series.points.map(({ value }) => value);
  const before = values.slice(0, -1).slice(-COMPARED);
  if (before.length === 0) return;
  series.change = betterBy(values.at(-1)!, median(before), unit);
  const tolerance = COUNTED.includes(unit) ? TOLERANCE.counted : TOLERANCE.timed;
  series.isRegression = series.change < 1 / tolerance;
}
