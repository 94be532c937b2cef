/**
 * Texts that only some clients know, compared in a time that does not say how near a guess was.
 *
 * @module
 */

/** A few secrets; only their hashes are kept. */
export class Secrets {
  readonly #digests: Promise<readonly Uint8Array[]>;

  /** @param texts which there are. */
  constructor(texts: readonly string[]) {
    this.#digests = Promise.all(texts.map(digest));
  }

  /** Whether a text is one of them; each is compared, whichever it is. */
  async has(text: string): Promise<boolean> {
    const [given, known] = [await digest(text), await this.#digests];
    return known.map((one) => areEqual(given, one)).includes(true);
  }
}

/** The text behind `Authorization: Bearer`; "" where there is none. */
export function bearerOf({ headers }: Request): string {
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.reduce((difference, byte, i) => difference | byte ^ other[i]!, 0) === 0;
}
