/**
 * An order of clips in which every class comes as often as any other.
 *
 * @module
 */
import type { Random } from "../../random.ts";

/**
 * As many places as there are clips: classes in turn, each class's clips shuffled and, where it has few, again and
 * again. Classes without clips are left out.
 *
 * @param labels class number of each clip.
 */
export function balancedOrder(labels: ArrayLike<number>, random: Random): number[] {
  const places = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const own = places.get(labels[i]!) ?? [];
    own.push(i);
    places.set(labels[i]!, own);
  }
  const classes = [...places].sort(([a], [b]) => a - b).map(([, own]) => endless(own, random));
  return Array.from({ length: labels.length }, (_, i) => classes[i % classes.length]!());
}

/** Gives the places one after the other, in a new order each time they are through. */
function endless(places: readonly number[], random: Random): () => number {
  let left: number[] = [];
  return () => {
    if (left.length === 0) left = Array.from(random.permutation(places.length), (i) => places[i]!);
    return left.pop()!;
  };
}
