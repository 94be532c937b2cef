/**
 * HTML from template strings, where every value is escaped unless it is markup itself.
 *
 * @module
 */

/** A piece of HTML that is safe to insert as it is. */
export class Markup {
  /** Wraps text that is known to be HTML. */
  constructor(readonly text: string) {}
}

/** What a template takes: text is escaped, markup is not, `undefined` and `false` are nothing. */
export type Content = string | number | Markup | undefined | false | readonly Content[];

/** A part of the page with a heading. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Markup;
}

/** What the formatter puts into templates. */
const INDENTATION = /\n\s+/g;

/** Reads a template as HTML. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(
    strings.reduce((text, part, i) =>
      text + rendered(values[i - 1]) + part.replace(INDENTATION, "\n")
    ),
  );
}

function rendered(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(rendered).join("");
  return escaped(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters that HTML does not allow, and those that turn the direction of the text around them. */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g;

function escaped(text: string): string {
  return text.replace(UNPRINTABLE, "\ufffd").replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}

/** A name that may go on in the next line where its words end: labels are often words without spaces. */
export function breakable(name: string): Markup {
  return new Markup(escaped(name).replace(/(?<=\w)([_./:-])(?=\w)/g, "$1<wbr>"));
}

/** Data for the page's script, in an element that is not run. */
export function jsonElement(id: string, value: unknown): Markup {
  const printable = (_key: string, part: unknown) =>
    typeof part === "string" ? part.replace(UNPRINTABLE, "\ufffd") : part;
  const json = JSON.stringify(value, printable).replaceAll("<", "\\u003c");
  return new Markup(`<script type="application/json" id="${id}">${json}</script>`);
}
