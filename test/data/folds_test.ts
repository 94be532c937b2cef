import { deepEqual, equal, throws } from "node:assert/strict";
import type { AudioDataset } from "../../src/data/audio_dataset.ts";
import { fewShots, foldsOf, holdOut } from "../../src/data/folds.ts";

function dataset(
  clips: readonly { label: number; group?: string; fold?: string }[],
): AudioDataset {
  const labels = ["high", "low", "mid"];
  return { split: "all", labels, clips: clips.map((clip, i) => ({ file: `${i}.wav`, ...clip })) };
}

const TWELVE = dataset(Array.from({ length: 12 }, (_, i) => ({
  label: i % 3,
  group: `speaker ${i % 4}`,
})));

Deno.test("foldsOf() and holdOut() hold each clip out once, and no group on both sides", () => {
  const folds = foldsOf(TWELVE, 4);
  deepEqual([folds.names, folds.notes], [["0", "1", "2", "3"], []]);
  const tested = folds.names.flatMap((_, fold) => {
    const { train, test } = holdOut(TWELVE, folds, fold);
    equal(train.clips.length + test.clips.length, 12);
    const trained = new Set(train.clips.map(({ group }) => group));
    deepEqual(test.clips.filter(({ group }) => trained.has(group)), []);
    return test.clips.map(({ file }) => file);
  });
  deepEqual(tested.toSorted(), TWELVE.clips.map(({ file }) => file).toSorted());
});

Deno.test("foldsOf() takes folds that clips name, in the order of their numbers", () => {
  const clips = ["10", "9", "10", "9"].map((fold, i) => ({ label: i >> 1, fold }));
  const { names, ofClip } = foldsOf(dataset(clips));
  deepEqual([names, ofClip], [["9", "10"], [1, 0, 1, 0]]);
});

Deno.test("foldsOf() refuses folds that cannot be told apart", () => {
  const error = (message: string | RegExp) => ({ name: "DatasetError", message });
  throws(
    () => foldsOf(TWELVE, 5),
    error('Cannot make 5 folds of "all": expected 5 groups or more, found 4'),
  );
  const one = dataset([{ label: 0 }, { label: 1 }, { label: 1 }]);
  throws(
    () => foldsOf(one, 4),
    error('Cannot make 4 folds of "all": expected 4 clips or more, found 3'),
  );
  throws(
    () => foldsOf(one, 2),
    error(
      /^Cannot make folds of "all": expected clips of "high" in two folds or more, found its only clip in fold "[01]"$/,
    ),
  );
  const lonely = [0, 0, 1, 1, 2, 2].map((label, i) => ({
    label,
    fold: label > 1 ? "b" : "ab"[i % 2],
  }));
  throws(
    () => foldsOf(dataset(lonely)),
    error(/"mid" in two folds or more, found all 2 of them in fold "b"$/),
  );
  throws(
    () => foldsOf(dataset([{ label: 0, fold: "a" }, { label: 0, fold: "a" }])),
    error('Cannot use the folds of "all": expected 2 to 100 of them, found 1, "a"'),
  );
  const torn = dataset([0, 1].map((i) => ({ label: 0, group: "anna", fold: String(i) })));
  throws(
    () => foldsOf(torn),
    error(
      'Cannot use the folds of "all": expected each group in one of them, found "anna" in "0" and "1"',
    ),
  );
});

Deno.test("foldsOf() says which classes some folds lack", () => {
  const clips = ["0", "1", "2", "0", "1"].map((fold, i) => ({ label: i < 3 ? 0 : 1, fold }));
  deepEqual(foldsOf(dataset(clips)).notes, [
    'Some folds have no clips of label "low", and say nothing of it',
  ]);
});

Deno.test("fewShots() draws as many clips of each class, and more hold the fewer", () => {
  const places = (shots: number, seed?: number) =>
    fewShots(TWELVE, shots, seed).clips.map(({ file }) => parseInt(file));
  for (const shots of [1, 2, 4]) {
    const found = Map.groupBy(places(shots), (place) => place % 3);
    deepEqual([...found.values()].map(({ length }) => length), [shots, shots, shots]);
  }
  deepEqual(places(1).filter((place) => !places(2).includes(place)), []);
  deepEqual(places(2), places(2).toSorted((a, b) => a - b));
  const drawn = new Set(Array.from({ length: 20 }, (_, seed) => places(1, seed).join()));
  equal(drawn.size > 5, true);
  throws(() => fewShots(TWELVE, 5), {
    name: "DatasetError",
    message: 'Cannot take 5 clips a class of "all": expected 5 of every class, found 4 of "high"',
  });
});
