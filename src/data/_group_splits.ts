/**
 * Splits and folds in which a group of clips (a speaker, a recording, a site) is whole, and every class has its share.
 *
 * Groups are dealt out one at a time, the largest first and equal ones in random order, each to the part that is
 * furthest below its share of the classes that the group has. With groups of one clip this is the apportionment of
 * Sainte-Laguë by class; with several it is greedy, as scikit-learn's StratifiedGroupKFold is.
 *
 * @module
 */

import type { Random } from "../random.ts";
import { DatasetError } from "../errors.ts";
import type { AudioClip, AudioDataset } from "./audio_dataset.ts";
import { groupOf } from "./clip_keys.ts";
import { listed } from "./features.ts";
import { seededRandom } from "./random.ts";

/** How clips are dealt out. */
export interface DealOptions {
  /** A whole number from 0; the same one deals the same way. @default 42 */
  seed?: number;
  /** Whether every class has its share in every part. @default true */
  stratify?: boolean;
}

/**
 * Deals the clips of a data set to parts, whole groups each.
 *
 * @param dataset clips; one without a group is by itself.
 * @param shares how much each part is to have; they sum to 1.
 * @returns the number of the part of each clip. A part is empty only where there are fewer groups than parts.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const clips = ["anna", "anna", "ben", "ben"].map((group, i) => ({ file: `${i}.wav`, label: i % 2, group }));
 * const [first, second, third, fourth] = dealClips({ split: "all", labels: ["no", "yes"], clips }, [0.5, 0.5]);
 * deepEqual([first === second, third === fourth, first === third], [true, true, false]);
 * ```
 */
export function dealClips(
  dataset: AudioDataset,
  shares: readonly number[],
  { seed = 42, stratify = true }: DealOptions = {},
): number[] {
  const { clips, labels } = dataset;
  const classesOf = stratify ? classesOfClips(dataset) : () => [0];
  const totals = new Array<number>(labels.length + 1).fill(0);
  for (const clip of clips) for (const label of classesOf(clip)) totals[label]!++;
  const groups = groupsOf(clips, classesOf);
  const parts = shares.map((share) => ({ share, counts: new Map<number, number>(), clips: 0 }));
  const partOf = new Map<string, number>();
  for (const group of inDealingOrder(groups, seededRandom(seed))) {
    const costs = parts.map((part) => costOf(group, part, totals));
    const least = Math.min(...costs);
    const tied = parts.keys().filter((i) => costs[i]! <= least * (1 + 1e-9));
    const chosen = [...tied].reduce((best, i) => fill(parts[i]!) < fill(parts[best]!) ? i : best);
    put(group, parts[chosen]!);
    partOf.set(group.name, chosen);
  }
  fillEmpty(groups, partOf, parts.length);
  return clips.map((clip) => partOf.get(groupOf(clip))!);
}

interface Group {
  name: string;
  clips: number;
  /** Clips by class. */
  counts: Map<number, number>;
}

interface Part {
  share: number;
  clips: number;
  counts: Map<number, number>;
}

/** The classes of a clip; a number to learn is all of one class. */
function classesOfClips({ kind }: AudioDataset): (clip: AudioClip) => number[] {
  if (kind === "regression") return () => [0];
  return ({ label, targets }) =>
    targets?.flatMap((target, i) => target > 0.5 ? [i] : []) ?? [label];
}

function groupsOf(
  clips: readonly AudioClip[],
  classesOf: (clip: AudioClip) => number[],
): Group[] {
  const groups = new Map<string, Group>();
  for (const clip of clips) {
    const name = groupOf(clip);
    const group = groups.get(name) ?? { name, clips: 0, counts: new Map() };
    group.clips++;
    for (const label of classesOf(clip)) {
      group.counts.set(label, (group.counts.get(label) ?? 0) + 1);
    }
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** The largest first, when there is most room for them. */
function inDealingOrder(groups: readonly Group[], random: Random): Group[] {
  const order = Array.from(random.permutation(groups.length), (place) => groups[place]!);
  return order.sort((a, b) => b.clips - a.clips);
}

/** What a group adds to the sum over classes and parts of (clips / all of the class)² / share. */
function costOf({ counts }: Group, part: Part, totals: readonly number[]): number {
  let cost = 0;
  for (const [label, count] of counts) {
    const there = part.counts.get(label) ?? 0;
    cost += (2 * there + count) * count / totals[label]! ** 2;
  }
  return cost / part.share;
}

function fill({ clips, share }: Part): number {
  return clips / share;
}

function put({ clips, counts }: Group, part: Part): void {
  part.clips += clips;
  for (const [label, count] of counts) {
    part.counts.set(label, (part.counts.get(label) ?? 0) + count);
  }
}

/** Gives a part that got nothing the smallest group of one that has several. */
function fillEmpty(groups: readonly Group[], partOf: Map<string, number>, parts: number): void {
  const smallestFirst = groups.toSorted((a, b) => a.clips - b.clips);
  for (let part = 0; part < parts; part++) {
    const held = Map.groupBy(groups, ({ name }) => partOf.get(name)!);
    if (held.has(part)) continue;
    const spare = smallestFirst.find(({ name }) => held.get(partOf.get(name)!)!.length > 1);
    if (spare) partOf.set(spare.name, part);
  }
}

/**
 * Two sets that share no group and hold all clips.
 *
 * @param testSize how many clips are wanted in the second; groups are whole, so that there may be more or fewer.
 * @throws {DatasetError} where there is one group alone.
 */
export function splitByGroup(
  dataset: AudioDataset,
  { testSize, ...options }: DealOptions & { testSize: number },
): { train: AudioDataset; test: AudioDataset } {
  const { clips, split } = dataset;
  const groups = new Set(clips.map(groupOf));
  if (groups.size < 2 || testSize >= clips.length) {
    const expected = groups.size < 2 ? "2 groups or more" : `more than ${testSize} clips`;
    const found = groups.size < 2 ? `one, ${listed([...groups])}` : clips.length;
    throw new DatasetError(
      `Cannot split data set "${split}" by group: expected ${expected}, found ${found}`,
    );
  }
  const share = testSize / clips.length;
  const parts = withAllClasses(dataset, dealClips(dataset, [1 - share, share], options));
  const side = (name: string, part: number): AudioDataset => {
    return { ...dataset, split: name, clips: clips.filter((_, i) => parts[i] === part) };
  };
  const sides = { train: side("train", 0), test: side("test", 1) };
  if (sides.test.clips.length > 0) return sides;
  throw new DatasetError(
    `Cannot split data set "${split}" by group: expected groups without which every class can be ` +
      `learnt, found none of ${groups.size}`,
    { hint: "A class needs clips of two groups or more to be both trained on and tested" },
  );
}

/** Groups of a class of which none would be trained on go there; of those that are not needed one is always tested on. */
function withAllClasses(dataset: AudioDataset, parts: readonly number[]): number[] {
  const groups = groupsOf(dataset.clips, classesOfClips(dataset));
  const partOf = new Map(dataset.clips.map((clip, i) => [groupOf(clip), parts[i]!]));
  const trained = new Map<number, number>();
  const train = ({ name, counts }: Group, part: 0 | 1) => {
    partOf.set(name, part);
    for (const label of counts.keys()) {
      trained.set(label, (trained.get(label) ?? 0) + (part === 0 ? 1 : -1));
    }
  };
  for (const group of groups) if (partOf.get(group.name) === 0) train(group, 0);
  for (const group of groups) {
    if (group.counts.keys().some((label) => !trained.get(label))) train(group, 0);
  }
  const isSpare = ({ counts }: Group) => counts.keys().every((label) => trained.get(label)! > 1);
  const isTested = groups.some(({ name }) => partOf.get(name) === 1);
  const spare = groups.toSorted((a, b) => a.clips - b.clips).find(isSpare);
  if (!isTested && spare) train(spare, 1);
  return dataset.clips.map((clip) => partOf.get(groupOf(clip))!);
}

/**
 * Checks that no group is in two splits.
 *
 * @param hint what can be done about it.
 * @throws {DatasetError} naming one that is.
 */
export function expectGroupsApart(
  source: string,
  sets: readonly AudioDataset[],
  hint = "Draw other splits with `mergeSplits: true`, or use these as they are without `groupBy`",
): void {
  const places = new Map<string, Map<string, number>>();
  for (const { split, clips } of sets) {
    for (const { group } of clips) {
      if (group === undefined) continue;
      const counts = places.get(group) ?? new Map<string, number>();
      places.set(group, counts.set(split, (counts.get(split) ?? 0) + 1));
    }
  }
  const torn = [...places].filter(([, counts]) => counts.size > 1);
  if (torn.length === 0) return;
  const [name, counts] = torn[0]!;
  const where = [...counts].map(([split, count]) => `${split} ${count}`).join(", ");
  throw new DatasetError(
    `Cannot use the splits of "${source}": expected each group in one of them, found ` +
      `${torn.length} of ${places.size} in several, such as "${name}" (clips: ${where})`,
    { file: source, hint },
  );
}
