import { deepEqual } from "node:assert/strict";
import { inspectAnnotations } from "../../src/data/annotation_inspection.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

folderTest("inspectAnnotations() counts what is labelled, and finds what is wrong", async (dir) => {
  await putFiles(dir, ["yard.wav", "calm.wav", "unheard.wav"], toneWav(8));
  await putFiles(dir, ["broken.wav"], new TextEncoder().encode("no sound"));
  const rows = [
    "yard.wav,1,2,dog",
    "yard.wav,1.5,3,cat",
    "yard.wav,4,7.5,dog",
    "yard.wav,7,9,dog",
    "yard.wav,6,5,dog",
    "yard.wav,6,7,",
    "gone.wav,1,2,dog",
    "broken.wav,1,2,dog",
    "calm.wav,,,",
  ];
  const text = ["file,start,end,label", ...rows].join("\n");
  await Deno.writeTextFile(`${dir}/all.csv`, text);
  await Deno.writeTextFile(`${dir}/README.txt`, "Recorded in May");
  const options = { annotations: dir, knownLabels: ["dog"] };
  const { labels, broken, reversed, faulty, ...found } = await inspectAnnotations(dir, options);
  deepEqual(labels, [
    { label: "cat", events: 1, recordings: 1, seconds: 1.5, shortest: 1.5, longest: 1.5 },
    { label: "dog", events: 4, recordings: 2, seconds: 7.5, shortest: 1, longest: 3.5 },
  ]);
  deepEqual(found, {
    recordings: 3,
    seconds: 16,
    labelledSeconds: 8,
    overlapping: [
      { file: "yard.wav", reason: '"cat" at 1.5 to 3 s begins within "dog" at 1 to 2 s' },
      { file: "yard.wav", reason: '"dog" at 7 to 9 s begins within "dog" at 4 to 7.5 s' },
    ],
    beyond: [{ file: "yard.wav", reason: '"dog" at 7 to 9 s, and its end is at 8 s' }],
    unknown: [{ file: "yard.wav", reason: '"cat" at 1.5 to 3 s' }],
    missing: ["gone.wav"],
    unlabelled: ["unheard.wav"],
    others: ["README.txt"],
  });
  deepEqual(broken.map(({ file }) => file), ["broken.wav"]);
  const table = `Cannot read "${dir}/all.csv"`;
  deepEqual(reversed.map(({ reason }) => reason), [
    `${table}, line 6: expected an end after the start, found 6 to 5 s`,
  ]);
  deepEqual(faulty.map(({ reason }) => reason), [
    `${table}, line 7: expected a label, found nothing`,
  ]);
});
