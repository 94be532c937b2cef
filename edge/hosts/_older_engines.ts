/**
 * What Node 20 lacks of the language that the service is written in, put where the standard has it.
 *
 * Only bundles for hosts that need it import this.
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

/** Of a whole buffer; no other length is asked for but none. */
function transfer(this: ArrayBuffer, byteLength: number = this.byteLength): ArrayBuffer {
  const moved = structuredClone(this, { transfer: [this] });
  return byteLength === moved.byteLength ? moved : moved.slice(0, byteLength);
}

function groupBy<K, V>(items: Iterable<V>, keyOf: (item: V, index: number) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    groups.set(key, [...groups.get(key) ?? [], item]);
  }
  return groups;
}

const MISSING: readonly (readonly [object, string, unknown])[] = [
  [Promise, "withResolvers", withResolvers],
  [ArrayBuffer.prototype, "transfer", transfer],
  [Map, "groupBy", groupBy],
];

for (const [target, name, value] of MISSING) {
  if (name in target) continue;
  Object.defineProperty(target, name, { value, writable: true, configurable: true });
}
