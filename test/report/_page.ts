/**
 * A small reader of HTML for tests: whether tags are closed, and what a page holds.
 *
 * @module
 */

/** Elements without an end. */
const VOID = new Set(["meta", "link", "input", "br", "img", "hr", "wbr"]);

/** Shapes that SVG closes in the tag itself. */
const SELF_CLOSED = /\/\s*>$/;

/** What is wrong with the tags of a page; nothing where all is well. */
export function tagFaults(page: string): string[] {
  const faults: string[] = [];
  const open: string[] = [];
  const text = page.replace(/(<(script|style)\b[^>]*>)[\s\S]*?(<\/\2>)/g, "$1$3");
  for (const [tag, slash, name] of text.matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:[^<>"]|"[^"]*")*>/g)) {
    if (slash) {
      const last = open.pop();
      if (last !== name) faults.push(`</${name}> closes <${last}>`);
    } else if (!VOID.has(name!) && !SELF_CLOSED.test(tag)) open.push(name!);
  }
  const strays = text.replace(/<!doctype html>|<\/?[a-zA-Z](?:[^<>"]|"[^"]*")*>/g, "").match(
    /[<>]/g,
  );
  if (strays) faults.push(`${strays.length} angle brackets outside of tags`);
  return [...faults, ...open.map((name) => `<${name}> is never closed`)];
}

/** The names of all attributes of a page. */
export function attributeNames(page: string): Set<string> {
  const text = page.replace(/(<(script|style)\b[^>]*>)[\s\S]*?(<\/\2>)/g, "$1$3");
  const tags = text.match(/<[a-zA-Z](?:[^<>"]|"[^"]*")*>/g) ?? [];
  return new Set(
    tags.flatMap((tag) =>
      Array.from(
        tag.replace(/"[^"]*"/g, '""').matchAll(/\s([\w-]+)(?==|[\s>])/g),
        ([, name]) => name!,
      )
    ),
  );
}

/** The text inside the first element that the expression finds the start of. */
export function contentOf(page: string, start: RegExp, end: string): string {
  const found = start.exec(page);
  if (!found) throw new RangeError(`Cannot find ${start} in the page`);
  const from = found.index + found[0].length;
  return page.slice(from, page.indexOf(end, from));
}
