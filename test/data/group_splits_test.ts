import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import type { AudioDataset } from "../../src/data/audio_dataset.ts";
import { dealClips, splitByGroup } from "../../src/data/_group_splits.ts";
import { loadTrainingSplits } from "../../src/data/training_splits.ts";
import { Random } from "../../src/random.ts";
import { folderTest, putFiles } from "./folders.ts";

/** Clips of `[label, group]`. */
function dataset(pairs: readonly (readonly [number, string?])[]): AudioDataset {
  const labels = Array.from({ length: 1 + Math.max(...pairs.map(([label]) => label)) }, String);
  const clips = pairs.map(([label, group], i) => ({ file: `${i}.wav`, label, group }));
  return { split: "all", labels, clips };
}

/** Clips by part and class. */
function tableOf({ clips, labels }: AudioDataset, parts: number[], count: number): number[][] {
  return Array.from(
    { length: count },
    (_, part) =>
      labels.map((_, label) => clips.filter((clip, i) => parts[i] === part && clip.label === label))
        .map(({ length }) => length),
  );
}

Deno.test("dealClips() gives each part its share of every class, and all parts the same size", () => {
  // 23 and 17 clips in five parts: 5 5 5 4 4 and 3 3 3 4 4.
  const data = dataset([...Array(23).fill([0]), ...Array(17).fill([1])]);
  const table = tableOf(data, dealClips(data, Array(5).fill(0.2)), 5);
  deepEqual(table.map(([no]) => no).sort(), [4, 4, 5, 5, 5]);
  deepEqual(table.map(([, yes]) => yes).sort(), [3, 3, 3, 4, 4]);
  deepEqual(table.map(([no, yes]) => no! + yes!), [8, 8, 8, 8, 8]);
  const [train, test] = tableOf(data, dealClips(data, [0.8, 0.2]), 2);
  deepEqual([train, test], [[18, 14], [5, 3]]);
});

Deno.test("dealClips() keeps groups whole, and classes near their shares", () => {
  const random = new Random(3);
  const pairs = Array.from({ length: 400 }, () => {
    const group = random.below(40);
    return [(group + random.below(3)) % 5, `speaker ${group}`] as const;
  });
  const data = dataset(pairs);
  const parts = dealClips(data, Array(4).fill(0.25));
  const byGroup = Map.groupBy(data.clips.keys(), (i) => data.clips[i]!.group);
  for (const [group, places] of byGroup) {
    equal(new Set(places.map((i) => parts[i])).size, 1, group);
  }
  for (const part of tableOf(data, parts, 4)) {
    for (const [label, clips] of part.entries()) {
      const total = pairs.filter(([own]) => own === label).length;
      ok(Math.abs(clips / total - 0.25) < 0.08, `class ${label}: ${clips} of ${total}`);
    }
  }
  deepEqual(dealClips(data, Array(4).fill(0.25)), parts);
  ok(dealClips(data, Array(4).fill(0.25), { seed: 1 }).some((part, i) => part !== parts[i]));
});

Deno.test("dealClips() deals the largest group first, and fills up with small ones", () => {
  const small = Array.from({ length: 50 }, (_, i) => [0, `small ${i}`] as const);
  const large = Array.from({ length: 50 }, () => [0, "large"] as const);
  const data = dataset([...small, ...large]);
  for (let seed = 0; seed < 5; seed++) {
    deepEqual(tableOf(data, dealClips(data, [0.5, 0.5], { seed }), 2), [[50], [50]]);
  }
});

Deno.test("splitByGroup() gives five speakers of like size to two sides as two and three", () => {
  const data = dataset(
    Array.from({ length: 50 }, (_, i) => [Math.floor(i / 5), `speaker ${i % 5}`] as const),
  );
  const speakers = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { test } = splitByGroup(data, { testSize: 30, seed });
    const own = [...new Set(test.clips.map(({ group }) => group))].sort();
    equal(own.length, 3);
    speakers.add(own.join());
  }
  ok(speakers.size > 3);
});

Deno.test("dealClips() leaves no part empty while there are groups enough", () => {
  const data = dataset([[0, "a"], [0, "b"], [1, "a"], [1, "b"]]);
  deepEqual(dealClips(data, [0.9, 0.1]).toSorted(), [0, 0, 1, 1]);
  const unlike = dataset([[0, "a"], [1, "b"], [2, "c"]]);
  deepEqual(dealClips(unlike, Array(3).fill(1 / 3)).toSorted(), [0, 1, 2]);
});

Deno.test("splitByGroup() trains on every class, and refuses what cannot be parted", () => {
  const data = dataset([[0, "a"], [0, "b"], [1, "b"], [1, "c"], [2, "c"]]);
  for (let seed = 0; seed < 10; seed++) {
    const { train, test } = splitByGroup(data, { testSize: 3, seed });
    deepEqual([...new Set(train.clips.map(({ label }) => label))].sort(), [0, 1, 2]);
    ok(test.clips.length > 0);
  }
  throws(() => splitByGroup(dataset([[0, "a"], [1, "a"]]), { testSize: 1 }), {
    name: "DatasetError",
    message: 'Cannot split data set "all" by group: expected 2 groups or more, found one, "a"',
  });
  throws(() => splitByGroup(dataset([[0, "a"], [1, "b"]]), { testSize: 1 }), {
    name: "DatasetError",
    message: /expected groups without which every class can be learnt, found none of 2$/,
  });
});

const SPEAKER = String.raw`/(\w+)_\d+\.wav$/`;

folderTest("loadTrainingSplits() refuses splits with a group on both sides", async (dir) => {
  const people = ["anna", "ben", "carl"];
  const paths = people.flatMap((who) => ["yes", "no"].map((label) => `${label}/${who}_1.wav`));
  await putFiles(dir, [...paths.map((path) => `train/${path}`), "test/no/ben_2.wav"]);
  await rejects(loadTrainingSplits(dir, { groupBy: SPEAKER }), {
    name: "DatasetError",
    message:
      `Cannot use the splits of "${dir}": expected each group in one of them, found 1 of 3 ` +
      'in several, such as "ben" (clips: train 2, test 1)',
  });
  const { splits, drawn } = await loadTrainingSplits(dir, {
    groupBy: SPEAKER,
    mergeSplits: true,
    testSize: 0.2,
  });
  const [train, test] = [splits.train!, splits.test!].map(({ clips }) => {
    return new Set(clips.map(({ group }) => group));
  });
  deepEqual([[...train!, ...test!].sort(), test!.size, drawn], [people, 1, true]);
});
