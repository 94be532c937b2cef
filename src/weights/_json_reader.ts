/**
 * A pull parser for the JSON that comes inside checkpoints.
 *
 * `JSON.parse` keeps the last of two equal keys, takes `1.0` for an integer, and loses digits past
 * 2^53: in a header each of these lets one file mean two things to two readers. Here the caller says
 * what has to come next, nothing is built that was not asked for, and keys never become properties.
 *
 * @module
 */

import { quoted } from "./_shown.ts";

/** How deep values of unknown keys may nest. */
const MAX_SKIPPED_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;

/** Reads one JSON text from left to right; every method throws a SyntaxError on anything else. */
export class JsonReader {
  readonly #text: string;
  #at = 0;

  /** @param text read from its first character on. */
  constructor(text: string) {
    this.#text = text;
  }

  /** An object with no key twice; `readValue` must consume the value of the key that it is given. */
  object(readValue: (key: string) => void): void {
    const keys = new Set<string>();
    this.#list("{", "}", () => {
      const key = this.string();
      if (keys.has(key)) {
        throw new SyntaxError(`expected distinct keys, found ${quoted(key)} twice`);
      }
      keys.add(key);
      this.#expect(":");
      readValue(key);
    });
  }

  /** An array; `readItem` must consume one item. */
  array(readItem: () => void): void {
    this.#list("[", "]", readItem);
  }

  /** A string of whole characters: an escape may not name half of a surrogate pair. */
  string(): string {
    this.#expect('"');
    const start = this.#at;
    for (;; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) this.#at++;
      if (!(this.#at < this.#text.length)) throw new SyntaxError("expected the end of a string");
    }
    const raw = this.#text.slice(start - 1, ++this.#at);
    const value: string = JSON.parse(raw);
    if (value.isWellFormed()) return value;
    throw new SyntaxError(`expected well-formed Unicode, found ${quoted(value)}`);
  }

  /** An integer of 0 to 2^53 - 1, written without sign, fraction or exponent. */
  natural(): number {
    this.#skipSpace();
    const start = this.#at;
    let value = 0;
    for (; this.#isDigit(); this.#at++) {
      value = value * 10 + (this.#text.charCodeAt(this.#at) - ZERO);
      if (value > Number.MAX_SAFE_INTEGER) throw new SyntaxError("expected an integer below 2^53");
    }
    const digits = this.#at - start;
    const leadingZero = digits > 1 && this.#text.charCodeAt(start) === ZERO;
    if (digits > 0 && !leadingZero && !/[.eE]/.test(this.#peek())) return value;
    throw new SyntaxError(`expected a non-negative integer at character ${start}`);
  }

  /** Any value, which is checked and dropped. */
  skip(depth = 0): void {
    if (depth > MAX_SKIPPED_DEPTH) throw new SyntaxError("expected less deeply nested values");
    this.#skipSpace();
    const first = this.#peek();
    if (first === "{") this.object(() => this.skip(depth + 1));
    else if (first === "[") this.array(() => this.skip(depth + 1));
    else if (first === '"') this.string();
    else this.#skipScalar();
  }

  /** The end of the text, with nothing but spaces before it. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) {
      throw new SyntaxError(
        `expected the end at character ${this.#at}, found ${quoted(this.#peek())}`,
      );
    }
  }

  #list(open: string, close: string, readItem: () => void): void {
    this.#expect(open);
    if (this.#takes(close)) return;
    do readItem(); while (this.#takes(","));
    this.#expect(close);
  }

  #expect(token: string): void {
    if (this.#takes(token)) return;
    const found = this.#at < this.#text.length ? quoted(this.#peek()) : "the end";
    throw new SyntaxError(`expected ${token} at character ${this.#at}, found ${found}`);
  }

  #takes(token: string): boolean {
    this.#skipSpace();
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #skipScalar(): void {
    const start = this.#at;
    while (/[-+.\w]/.test(this.#peek())) this.#at++;
    JSON.parse(this.#text.slice(start, this.#at));
  }

  #skipSpace(): void {
    for (;; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    }
  }

  #isDigit(): boolean {
    const unit = this.#text.charCodeAt(this.#at);
    return unit >= ZERO && unit <= NINE;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }
}
