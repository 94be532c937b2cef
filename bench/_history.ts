/**
 * The history of all benches: `results/history.jsonl`, one record a line, added to by `--record`.
 *
 * A record says when, of which commit and on which processor; figures are compared only where the processor is the
 * same. Records of 22 November 2026 were converted from the tables of that day, their commit the one that brought them.
 *
 * @module
 */
import { cpus } from "node:os";
import type { BenchRow } from "./_rows.ts";

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
