/**
 * What commands print: lines, tables, a progress bar, and JSON lines for programs.
 *
 * With `--json` standard output holds JSON, one object a line, and everything meant for people goes to
 * standard error. A bar is drawn on a terminal only; elsewhere a plain line comes now and then.
 *
 * @module
 */
import { styleText } from "node:util";
import { paceCounter, progressLine, progressText } from "../progress_bar.ts";
import { inFlags } from "./_flags.ts";
import { onOneLine, printable } from "./_printable.ts";

export { duration } from "../progress_bar.ts";

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 15_000;

/** Where a command prints to. */
export interface Output {
  /** Whether programs read standard output. */
  readonly json: boolean;
  /** A line for people. */
  line(text?: string): void;
  /** A line for people on standard error, always; options that it names in backquotes become flags. */
  warn(text: string): void;
  /** An object for programs; nothing without `--json`. */
  event(object: object): void;
  /** A heading or figure that stands out on a terminal. */
  strong(text: string): string;
  /** Starts a progress bar; call the result with what is done, and `undefined` at the end. */
  progress(label: string, total: number): (done: number | undefined, note?: string) => void;
}

/** The output of this process. */
export function processOutput(json: boolean): Output {
  const print = (text: string) => (json ? console.error : console.log)(printable(text));
  const color = terminal(json).isTerminal() && !Deno.noColor;
  return {
    json,
    line: (text = "") => print(text),
    warn: (text) => console.error(printable(inFlags(text))),
    event: (object) => json && console.log(JSON.stringify(object)),
    strong: (text) => color ? styleText("bold", text, { validateStream: false }) : text,
    progress: (label, total) => progressBar(label, total, json),
  };
}

function terminal(json: boolean): typeof Deno.stdout | typeof Deno.stderr {
  return json ? Deno.stderr : Deno.stdout;
}

function progressBar(
  label: string,
  total: number,
  json: boolean,
): (done: number | undefined, note?: string) => void {
  const out = terminal(json);
  const drawn = out.isTerminal();
  const pace = paceCounter();
  let last = drawn ? -Infinity : performance.now();
  const write = (text: string) => out.writeSync(new TextEncoder().encode(text));
  return (done, note = "") => {
    if (done === undefined) {
      if (drawn) write("\r\x1b[2K");
      return;
    }
    const { first, seconds } = pace(done);
    const now = performance.now();
    if (now - last < (drawn ? REDRAW_MS : PLAIN_LINE_MS)) return;
    last = now;
    const state = { label, done, total, first, seconds, note: onOneLine(note) };
    const columns = drawn ? Deno.consoleSize().columns : undefined;
    write(
      columns === undefined
        ? `${label} ${progressText(state)}\n`
        : `\r\x1b[2K${progressLine(state, columns)}`,
    );
  };
}

/** Bytes in a megabyte wherever sizes are printed: the decimal one, as the hub prints them. */
export const MEGABYTE = 1e6;

/** Bytes as people say them: "37.91 MB". */
export function megabytes(bytes: number): string {
  const size = bytes / MEGABYTE;
  return `${size.toFixed(size < 100 ? 2 : 0)} MB`;
}

/** Rows as columns of equal width, numbers to the right. */
export function table(headings: string[], rows: (string | number)[][]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => onOneLine(String(cell))))];
  const widths = headings.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const right = headings.map((_, i) => rows.length > 0 && rows.every((row) => isNumber(row[i]!)));
  const lines = cells.map((row) =>
    row.map((cell, i) => right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))
      .join("  ").trimEnd()
  );
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function isNumber(cell: string | number): boolean {
  return typeof cell === "number" || /^[-\d.,%]+$/.test(cell);
}

/** A number of parameters: in millions or, of few, as it is. */
export function parameterText(count: number): string {
  return count < 1e5 ? count.toLocaleString("en-US") : `${(count / 1e6).toFixed(2)} M`;
}
