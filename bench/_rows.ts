/**
 * What a bench finds, and how it is shown: rows of a value with its unit, beside a baseline where there is one.
 *
 * @module
 */

/** Units, and whether more of them is better. */
export const UNITS = {
  "ms": "less",
  "s": "less",
  "MB": "less",
  "runs": "less",
  "reads": "less",
  "loss": "less",
  "%": "more",
  "rows/s": "more",
  "GFLOP": "less",
  "M parameters": "less",
} as const;

/** A unit of a row. */
export type Unit = keyof typeof UNITS;

/** One figure. */
export interface BenchRow {
  /** What was measured, with all that it depends on but the machine. */
  name: string;
  value: number;
  unit: Unit;
  /** What it was measured beside in the same run. */
  baseline: string | null;
  /** How many times better than the baseline: above 1 is better, whichever way the unit goes. */
  ratio: number | null;
}

/** A row without a baseline, rounded to four digits. */
export function rowOf(name: string, value: number, unit: Unit): BenchRow {
  return { name, value: Number(value.toPrecision(4)), unit, baseline: null, ratio: null };
}

/** The same row beside a baseline. */
export function besides(row: BenchRow, baseline: string, ratio: number): BenchRow {
  return { ...row, baseline, ratio: Number(ratio.toPrecision(3)) };
}

/** How many times better a value is than another. */
export function betterBy(value: number, baseline: number, unit: Unit): number {
  return UNITS[unit] === "less" ? baseline / value : value / baseline;
}

const NAME_COLUMNS = 64;

/** A row as a line of the table. */
export function lineOf({ name, value, unit, baseline, ratio }: BenchRow): string {
  const beside = ratio === null ? "" : `${ratio.toFixed(2).padStart(8)} x ${baseline}`;
  return `${name.padEnd(NAME_COLUMNS)} ${String(value).padStart(10)} ${unit.padEnd(7)}${beside}`
    .trimEnd();
}

/** The head of the table. */
export function headings(): string {
  return `${"".padEnd(NAME_COLUMNS)} ${"value".padStart(10)} ${"unit".padEnd(7)}${
    "better".padStart(8)
  }   than`;
}
