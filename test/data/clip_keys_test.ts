import { deepEqual, rejects } from "node:assert/strict";
import { loadTrainingSplits, type TrainingSplitsOptions } from "../../src/data/training_splits.ts";
import { folderTest, putFiles } from "./folders.ts";

const FILES = ["yes/anna_1.wav", "yes/ben_2.wav", "no/anna_3.wav", "no/carl-4.wav"];
const ALL = { testSize: 0 } as const;

async function groupsOf(dir: string, options: TrainingSplitsOptions): Promise<unknown[]> {
  const { splits } = await loadTrainingSplits(dir, { ...ALL, ...options });
  return splits.train!.clips.map(({ group, fold }) => fold === undefined ? group : [group, fold]);
}

folderTest("withKeys() takes groups and folds from paths", async (dir) => {
  await putFiles(dir, FILES);
  const groupBy = String.raw`/(\w+)[_-]\d+\.wav$/`;
  deepEqual(await groupsOf(dir, { groupBy }), ["anna", "carl", "anna", "ben"]);
  deepEqual(await groupsOf(dir, { groupBy, foldBy: String.raw`(\d)\.wav` }), [
    ["anna", "3"],
    ["carl", "4"],
    ["anna", "1"],
    ["ben", "2"],
  ]);
  // A folder of the path counts, and what is above the data set does not.
  deepEqual(await groupsOf(dir, { groupBy: "/^([A-Z]+)/i" }), ["no", "no", "yes", "yes"]);
});

folderTest("withKeys() takes groups from a column", async (dir) => {
  await putFiles(dir, ["1.wav", "2.wav"]);
  const table = "file_name,label,speaker,site\n1.wav,yes,7,north\n2.wav,no,8,\n";
  await Deno.writeTextFile(`${dir}/metadata.csv`, table);
  deepEqual(await groupsOf(dir, { groupBy: "speaker" }), ["7", "8"]);
  await rejects(groupsOf(dir, { groupBy: "site" }), {
    name: "DatasetError",
    message: 'Cannot take the group of clips from "site": expected a value in every row, found ' +
      'none for 1 of 2, such as "2.wav"',
  });
  await rejects(groupsOf(dir, { foldBy: "spaeker" }), {
    name: "DatasetError",
    message: 'Cannot take the fold of clips from "spaeker": expected a column of "train", one of ' +
      '"audio", "label", "speaker", "site", or a pattern',
  });
});

folderTest("withKeys() refuses a pattern that does not match, or has no group", async (dir) => {
  await putFiles(dir, FILES);
  const some = String.raw`/(\w+)_\d+\.wav$/`;
  await rejects(groupsOf(dir, { groupBy: some }), {
    name: "DatasetError",
    message: `Cannot take the group of clips from "${some}": expected the path of every clip to ` +
      'match, found none for 1 of 4, such as "no/carl-4.wav"',
  });
  await rejects(groupsOf(dir, { groupBy: "/(x)/" }), /found none for all 4, such as/);
  await rejects(groupsOf(dir, { groupBy: "/anna/" }), {
    name: "SyntaxError",
    message: 'Cannot use pattern "/anna/": expected one group in brackets, found none',
  });
  await rejects(groupsOf(dir, { groupBy: "/(a)(n)/" }), /in brackets, found 2$/);
  await rejects(groupsOf(dir, { groupBy: "/(a/" }), {
    name: "SyntaxError",
    message: /^Cannot use pattern "\/\(a\/": expected a regular expression, found one that is none/,
  });
});
