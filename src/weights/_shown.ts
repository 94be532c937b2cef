/**
 * Names and shapes out of a file, made fit for one line of an error message.
 *
 * @module
 */

/** More of a hostile name or shape would bury the message. */
const MAX_SHOWN_UNITS = 120;
const MAX_SHOWN_AXES = 8;

/** The name in quotes, control characters escaped, a very long one cut. */
export function quoted(name: string): string {
  const shown = name.length > MAX_SHOWN_UNITS ? `${name.slice(0, MAX_SHOWN_UNITS)}...` : name;
  return JSON.stringify(shown);
}

/** The lengths of the axes in brackets, a very long list cut. */
export function shownShape(shape: readonly number[]): string {
  const axes: (number | string)[] = shape.slice(0, MAX_SHOWN_AXES);
  if (shape.length > MAX_SHOWN_AXES) axes.push("...");
  return `[${axes.join()}]`;
}
