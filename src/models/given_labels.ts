/**
 * The class names that a caller gives in any of the words of transformers.
 *
 * @module
 */

/** Class names in place of a model's own; more than one of them have to say the same. */
export interface GivenLabels {
  /** Class names by number. */
  labels?: readonly string[];
  /** The same as an object; numbers may be text. */
  id2label?: Readonly<Record<number | string, string>>;
  /** The same the other way round. */
  label2id?: Readonly<Record<string, number | string>>;
  /** How many classes there are; without names they are "LABEL_0" and so on. */
  numLabels?: number;
}

/**
 * The names by number; undefined where nothing is given.
 *
 * @throws {RangeError} where numbers do not run from 0 without a gap, or two of them differ.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(givenLabels({ id2label: { 0: "no", 1: "yes" }, numLabels: 2 }), ["no", "yes"]);
 * ```
 */
export function givenLabels(given: GivenLabels): readonly string[] | undefined {
  const { labels, id2label, label2id, numLabels } = given;
  const flipped = label2id && Object.entries(label2id).map(([name, id]) => [String(id), name]);
  const named = [
    labels,
    id2label && inOrder("id2label", Object.entries(id2label)),
    flipped && inOrder("label2id", flipped as [string, string][]),
  ].filter((names) => names !== undefined);
  const [first, ...others] = named;
  for (const other of others) expectSame(first!, other);
  if (numLabels === undefined) return first;
  if (!first) return Array.from({ length: numLabels }, (_, i) => `LABEL_${i}`);
  if (first.length === numLabels) return first;
  throw new RangeError(
    `Cannot name classes: expected ${numLabels} of them (numLabels), found ${first.length} names`,
  );
}

function inOrder(option: string, entries: readonly [id: string, name: string][]): string[] {
  const names = new Map(entries);
  const ordered = Array.from({ length: entries.length }, (_, i) => names.get(String(i)));
  const gap = ordered.indexOf(undefined);
  if (gap === -1) return ordered as string[];
  const found = entries.map(([id]) => id).slice(0, 20).join(", ");
  throw new RangeError(
    `Cannot name classes by ${option}: expected numbers from 0 to ${
      entries.length - 1
    }, each once, found ${found}`,
  );
}

function expectSame(names: readonly string[], others: readonly string[]): void {
  const count = Math.max(names.length, others.length);
  for (let i = 0; i < count; i++) {
    if (names[i] === others[i]) continue;
    const [one, other] = [names[i], others[i]].map((name) => JSON.stringify(name) ?? "nothing");
    throw new RangeError(
      `Cannot name classes: expected the same name for class ${i}, found ${one} and ${other}`,
    );
  }
}
