/**
 * Text tables as annotation programs write them: rows of cells between tabs, commas or semicolons.
 *
 * A cell may be quoted, as RFC 4180 has it, and then hold line ends. Unlike the tables of data sets these are
 * small, and have rows that are shorter than their heading.
 *
 * @module
 */

/** One row, and where it begins. */
export interface CellRow {
  /** From 1. */
  line: number;
  cells: string[];
}

/** What stands between cells. */
export type Delimiter = "\t" | "," | ";";

/** What the first line has most of; a tab before a comma, since labels and numbers may hold commas. */
export function delimiterOf(text: string): Delimiter {
  const [line = ""] = text.split(/\r?\n/, 1);
  const bare = line.replace(/"[^"]*"/g, "");
  if (bare.includes("\t")) return "\t";
  return bare.split(";").length > bare.split(",").length ? ";" : ",";
}

/**
 * The rows of a table, without empty lines.
 *
 * @param text the table.
 * @param delimiter what stands between cells.
 */
export function* cellRows(text: string, delimiter: Delimiter): Generator<CellRow> {
  let line = 1;
  for (let at = 0; at < text.length;) {
    const row: CellRow = { line, cells: [] };
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at, delimiter);
      row.cells.push(cell.value);
      line += cell.value.split("\n").length - 1;
      at = cell.end;
      if (text[at] !== delimiter) break;
      at++;
    }
    // What stands between a closing quote and the line's end is dropped.
    const newline = text.indexOf("\n", at);
    at = newline < 0 ? text.length : newline + 1;
    line++;
    if (row.cells.length > 1 || row.cells[0]!.trim() !== "") yield row;
  }
}

/** A cell written so that `cellRows` reads it back. */
export function quoted(value: string, delimiter: Delimiter): string {
  if (!/["\r\n]/.test(value) && !value.includes(delimiter)) return value;
  return `"${value.replaceAll('"', '""')}"`;
}

/** A cell for programs that know no quotes: what would end it becomes a space. */
export function unquoted(value: string): string {
  return value.replace(/[\t\r\n]+/g, " ");
}

function plainCell(
  text: string,
  start: number,
  delimiter: Delimiter,
): { value: string; end: number } {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\n") end++;
  return { value: text.slice(start, end).replace(/\r$/, ""), end };
}

function quotedCell(text: string, start: number): { value: string; end: number } {
  let value = "";
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    // A quote that does not end takes in the rest; the row is then short of cells, which is said.
    if (quote < 0) return { value: value + text.slice(at), end: text.length };
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}
