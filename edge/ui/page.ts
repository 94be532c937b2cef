/**
 * The elements of the page, and small things that are done with them.
 *
 * @module
 */

/** The element of an id; the page has it. */
export function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

/** A new element. */
export function made<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  fields: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const node = Object.assign(document.createElement(name), fields);
  node.append(...children);
  return node;
}

/** What goes on, for eyes and ears. */
export function showStatus(text: string): void {
  element("status").textContent = text;
}

/** What went wrong; nothing takes it away. */
export function showError(error?: unknown): void {
  const node = element("error");
  node.hidden = error === undefined;
  node.textContent = error === undefined ? "" : sentence(error);
}

function sentence(error: unknown): string {
  const { message = String(error) } = error as { message?: string };
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** Seconds as a clock shows them: 1:02.5. */
export function clock(seconds: number, digits = 1): string {
  const rounded = Number(seconds.toFixed(digits));
  const minutes = Math.floor(rounded / 60);
  const rest = (rounded - 60 * minutes).toFixed(digits).padStart(digits > 0 ? digits + 3 : 2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** A score in hundredths. */
export function percent(score: number): string {
  return `${Math.round(100 * score)} %`;
}
