/**
 * Text inside Markdown: what a label or a name holds is shown as it is, and is never markup.
 *
 * @module
 */

/** A part of the card under a heading. */
export interface Section {
  title: string;
  content: string;
}

/** Words of others within a line. */
export function text(words: string): string {
  return words.replace(/\s+/g, " ").trim().replace(/[\\`*_[\]<>|~&]/g, "\\$&");
}

/** A word as code, with a fence longer than any inside it; not for tables, which take bars for their own. */
export function code(word: string): string {
  const line = word.replace(/\s+/g, " ");
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const pad = longest > 0 || line === "" ? " " : "";
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** A program in a language. */
export function program(language: string, lines: readonly string[]): string {
  return ["```" + language, ...lines, "```"].join("\n");
}

/** Paragraphs, empty ones left out. */
export function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("\n\n");
}

/** Rows as a table with padded columns, the first row being the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const [heading = []] = rows;
  const widths = heading.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => `:${"-".repeat(width)}:`).join("|")}|`;
  return [line(heading), rule, ...rows.slice(1).map(line)].join("\n");
}

/** "1 clip", "2 clips" */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** One or several, as a list. */
export function listed(words: string | readonly string[] | undefined): string[] {
  return words === undefined ? [] : typeof words === "string" ? [words] : [...words];
}
