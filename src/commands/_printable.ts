/**
 * Text that may hold strangers' names, made fit for a terminal: what would move its cursor, colour it or turn its
 * direction is shown as an escape, as JSON would write it.
 *
 * @module
 */

/** Control characters of both sets, and those that turn the direction of the text around them. */
const CONTROLS =
  "\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
const IN_LINES = new RegExp(`[${CONTROLS}]`, "g");
const IN_A_LINE = new RegExp(`[${CONTROLS}\\n\\u2028\\u2029]`, "g");
/** Bold and not bold, which are ours. */
// deno-lint-ignore no-control-regex
const BOLD = new RegExp("(\\x1b\\[(?:1|22)m)");

/** Lines as they are, without what is no text. */
export function printable(text: string): string {
  return text.split(BOLD).map((part) => BOLD.test(part) ? part : part.replace(IN_LINES, escape))
    .join("");
}

/** The same on one line. */
export function onOneLine(text: string): string {
  return text.replace(IN_A_LINE, escape);
}

function escape(control: string): string {
  if (control === "\t") return " ";
  if (control === "\n") return "\\n";
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
