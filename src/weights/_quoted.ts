/**
 * Names out of a file, made fit for one line of an error message.
 *
 * @module
 */

/** More of a hostile name would bury the message. */
const MAX_SHOWN_UNITS = 120;

/** The name in quotes, control characters escaped, a very long one cut. */
export function quoted(name: string): string {
  const shown = name.length > MAX_SHOWN_UNITS ? `${name.slice(0, MAX_SHOWN_UNITS)}...` : name;
  return JSON.stringify(shown);
}
