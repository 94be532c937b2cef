/**
 * What Node 20 lacks of the language that this package is written in, put where the standard has it.
 *
 * Newer engines have all of it, and nothing happens there.
 *
 * @module
 */

function withResolvers<T>(this: PromiseConstructor): PromiseWithResolvers<T> {
  let resolve!: (value: T | PromiseLike<T>) => void;
  let reject!: (reason?: unknown) => void;
  const promise = new this<T>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}

function transfer(this: ArrayBuffer, byteLength: number = this.byteLength): ArrayBuffer {
  const moved = structuredClone(this, { transfer: [this] });
  if (byteLength === moved.byteLength) return moved;
  const other = new Uint8Array(byteLength);
  other.set(new Uint8Array(moved).subarray(0, byteLength));
  return other.buffer;
}

function mapGroupBy<K, V>(items: Iterable<V>, keyOf: (item: V, index: number) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function objectGroupBy<V>(
  items: Iterable<V>,
  keyOf: (item: V, index: number) => PropertyKey,
): Record<PropertyKey, V[]> {
  return Object.fromEntries(mapGroupBy(items, keyOf));
}

async function fromAsync<T, U>(
  items: AsyncIterable<T> | Iterable<T | PromiseLike<T>>,
  map: (item: T, index: number) => U = (item) => item as unknown as U,
): Promise<Awaited<U>[]> {
  const found: Awaited<U>[] = [];
  for await (const item of items) found.push(await map(item, found.length));
  return found;
}

function parseUrl(text: string, base?: string | URL): URL | null {
  return URL.canParse(text, base) ? new URL(text, base) : null;
}

async function bytesOf(this: Blob | Response): Promise<Uint8Array> {
  return new Uint8Array(await this.arrayBuffer());
}

function toHex(this: Uint8Array): string {
  return Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): Uint8Array {
  if (!/^([\da-f]{2})*$/i.test(text)) throw new SyntaxError(`Cannot read "${text}" as hexadecimal`);
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

function intersection<T>(this: Set<T>, other: ReadonlySet<T>): Set<T> {
  return new Set([...this].filter((item) => other.has(item)));
}

function union<T>(this: Set<T>, other: Iterable<T>): Set<T> {
  return new Set([...this, ...other]);
}

function difference<T>(this: Set<T>, other: ReadonlySet<T>): Set<T> {
  return new Set([...this].filter((item) => !other.has(item)));
}

/** Methods of iterators, for iterators of any kind. */
const ITERATOR_METHODS = {
  *map<T, U>(this: Iterable<T>, change: (item: T, index: number) => U): Generator<U> {
    let index = 0;
    for (const item of this) yield change(item, index++);
  },
  *filter<T>(this: Iterable<T>, keeps: (item: T, index: number) => unknown): Generator<T> {
    let index = 0;
    for (const item of this) if (keeps(item, index++)) yield item;
  },
  *flatMap<T, U>(this: Iterable<T>, parts: (item: T, index: number) => Iterable<U>): Generator<U> {
    let index = 0;
    for (const item of this) yield* parts(item, index++);
  },
  *take<T>(this: Iterable<T>, count: number): Generator<T> {
    if (count <= 0) return;
    for (const item of this) {
      yield item;
      if (--count <= 0) return;
    }
  },
  *drop<T>(this: Iterable<T>, count: number): Generator<T> {
    for (const item of this) if (count-- <= 0) yield item;
  },
  toArray<T>(this: Iterable<T>): T[] {
    return [...this];
  },
  forEach<T>(this: Iterable<T>, use: (item: T, index: number) => void): void {
    let index = 0;
    for (const item of this) use(item, index++);
  },
  find<T>(this: Iterable<T>, fits: (item: T, index: number) => unknown): T | undefined {
    let index = 0;
    for (const item of this) if (fits(item, index++)) return item;
  },
  some<T>(this: Iterable<T>, fits: (item: T, index: number) => unknown): boolean {
    let index = 0;
    for (const item of this) if (fits(item, index++)) return true;
    return false;
  },
  every<T>(this: Iterable<T>, fits: (item: T, index: number) => unknown): boolean {
    let index = 0;
    for (const item of this) if (!fits(item, index++)) return false;
    return true;
  },
  reduce<T>(this: Iterable<T>, ...by: Parameters<T[]["reduce"]>): T {
    return [...this].reduce(...by) as T;
  },
};

/** What array iterators, generators and all others of the language descend from. */
const ITERATOR: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

const MISSING: readonly (readonly [object, Readonly<Record<string, unknown>>])[] = [
  [Promise, { withResolvers }],
  [ArrayBuffer.prototype, { transfer }],
  [Map, { groupBy: mapGroupBy }],
  [Object, { groupBy: objectGroupBy }],
  [Array, { fromAsync }],
  [URL, { parse: parseUrl }],
  [Blob.prototype, { bytes: bytesOf }],
  [Response.prototype, { bytes: bytesOf }],
  [Uint8Array.prototype, { toHex }],
  [Uint8Array, { fromHex }],
  [Set.prototype, { intersection, union, difference }],
  [ITERATOR, ITERATOR_METHODS],
];

for (const [target, methods] of MISSING) {
  for (const [name, value] of Object.entries(methods)) {
    if (name in target) continue;
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}
