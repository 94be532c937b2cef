/**
 * Values that need more than a kind and a range.
 *
 * @module
 */

/**
 * Origins as browsers write them.
 *
 * @param origins `https://example.org`, or `*` for all.
 * @throws {RangeError} for one that no browser would send.
 */
export function expectOrigins(origins: readonly string[]): readonly string[] {
  return origins.map((text) => {
    const origin = URL.canParse(text) ? new URL(text).origin : undefined;
    // `HTTPS://Example.org:443/` is meant as its browser writes it; one with a path is a mistake.
    const isMeant = origin !== "null" && /^[^:]+:\/\/[^/?#@]+\/?$/.test(text);
    if (text === "*" || (origin !== undefined && isMeant)) return origin ?? text;
    throw new RangeError(
      `Cannot allow origin "${text}": expected scheme://host, scheme://host:port or *`,
    );
  });
}

/** Shorter ones can be guessed. */
const MIN_TOKEN_LENGTH = 16;

/**
 * A token that can be sent in a header, and not be guessed.
 *
 * @throws {RangeError} for another; its text is in no message.
 */
export function expectToken(token: string): string {
  if (/^[!-~]+$/.test(token) && token.length >= MIN_TOKEN_LENGTH) return token;
  throw new RangeError(
    `Cannot use token: expected ${MIN_TOKEN_LENGTH} or more printable characters without spaces, found another`,
  );
}

/**
 * The path that an application is mounted at, without a slash at the end.
 *
 * @param path such as `/audio`; "" or "/" for none.
 * @throws {RangeError} for what is no path.
 */
export function expectBasePath(path: string): string {
  const base = path.replace(/\/$/, "");
  if (/^(\/[\w.~-]+)*$/.test(base)) return base;
  throw new RangeError(`Cannot mount at "${path}": expected a path such as /audio`);
}
