/**
 * The header that says what was odd about a recording, or ignored in a request.
 *
 * @module
 */

const NAME = "X-Earshot-Warning";

/** The header, where there is something to say; its value is printable text. */
export function warningHeader(warnings: readonly string[]): Record<string, string> {
  return warnings.length === 0 ? {} : { [NAME]: warnings.join("; ").replaceAll(/[^ -~]+/g, "?") };
}

/** A warning for each name that is not known, as far as it fits a header. */
export function ignored(names: readonly string[], known: readonly string[]): string[] {
  const odd = names.filter((name) => !known.includes(name));
  const shown = odd.slice(0, MAX_NAMES).map((name) => {
    return `Ignored parameter "${name.slice(0, MAX_NAME)}", which there is not`;
  });
  return odd.length > MAX_NAMES ? [...shown, `and ${odd.length - MAX_NAMES} more`] : shown;
}

const MAX_NAMES = 5;
const MAX_NAME = 40;
