/**
 * What benches find: rows of a value with its unit, beside a baseline where there is one, and records of them.
 *
 * The history is `results/history.jsonl`, one record a line, added to by `--record`. A record says when, of which
 * commit and on which processor; figures are compared only where the processor is the same.
 *
 * @module
 */
import { cpus } from "node:os";

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
  "h/h": "more",
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

/** What one run of one bench found. */
export interface BenchRecord {
  /** Day of the run, as `2026-11-30`. */
  date: string;
  /** Short hash; a `+` after it where files were changed since. */
  commit: string;
  processor: string;
  /** Version of Deno. */
  deno: string;
  /** The bench, by the name that `run.ts` takes. */
  question: string;
  rows: BenchRow[];
}

/** Where the history lies. */
export const HISTORY: string = new URL("results/history.jsonl", import.meta.url).pathname;

/** A record of now, here. */
export async function recordOf(question: string, rows: BenchRow[]): Promise<BenchRecord> {
  const date = new Date().toISOString().slice(0, 10);
  const [processor, commit] = [processorName(), await commitName()];
  return { date, commit, processor, deno: Deno.version.deno, question, rows };
}

/** Adds a record to the end of a history. */
export async function appendRecord(record: BenchRecord, file: string = HISTORY): Promise<void> {
  await Deno.writeTextFile(file, JSON.stringify(record) + "\n", { append: true });
}

/** @throws {SyntaxError} for a line that is no JSON. */
export async function readHistory(file: string = HISTORY): Promise<BenchRecord[]> {
  const lines = (await Deno.readTextFile(file)).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as BenchRecord);
}

function processorName(): string {
  const all = cpus();
  const model = all[0]?.model.replace(/\s+/g, " ").trim() || "unknown processor";
  return `${model}, ${all.length} cores`;
}

async function commitName(): Promise<string> {
  const git = async (...args: string[]) => {
    const command = new Deno.Command("git", { args, cwd: import.meta.dirname });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  };
  const hash = await git("rev-parse", "--short=7", "HEAD");
  if (hash === undefined) return "unknown";
  return await git("status", "--porcelain", "--untracked-files=no") === "" ? hash : `${hash}+`;
}
