import { deepEqual, rejects } from "node:assert/strict";
import { readAnnotations } from "../../src/data/annotation_files.ts";
import { folderTest, putFiles } from "./folders.ts";

const DOG = { start: 1, end: 2, label: "dog" };

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

folderTest(
  "readAnnotations() reads label tracks beside recordings, by their paths",
  async (dir) => {
    await putFiles(dir, ["day/yard.txt", "night/yard.txt"], text("1\t2\tdog\n"));
    await putFiles(dir, ["README.txt"], text("Recorded in May.\n"));
    await putFiles(dir, ["day/yard.wav"]);
    const { tables, others } = await readAnnotations(dir);
    deepEqual(tables.map(({ recordings }) => [...recordings]), [
      [["day/yard", [DOG]]],
      [["night/yard", [DOG]]],
    ]);
    deepEqual(others, ["README.txt"]);
  },
);

folderTest("readAnnotations() takes bare names in a table for files beside it", async (dir) => {
  const rows = "file,start,end,label\nyard.wav,1,2,dog\nfar/road.wav,1,2,dog\n";
  await putFiles(dir, ["day/all.csv"], text(rows));
  const { tables } = await readAnnotations(dir);
  deepEqual([...tables[0]!.recordings.keys()], ["day/yard.wav", "far/road.wav"]);
});

folderTest("readAnnotations() reads one file as it is", async (dir) => {
  await putFiles(
    dir,
    ["all.tsv"],
    text("filename\tonset\toffset\tevent_label\na.wav\t1\t2\tdog\n"),
  );
  const { tables } = await readAnnotations(`${dir}/all.tsv`);
  deepEqual([...tables[0]!.recordings], [["a.wav", [DOG]]]);
});

folderTest("readAnnotations() names what it cannot read", async (dir) => {
  await putFiles(dir, ["bytes/a.txt"], Uint8Array.of(0xff, 0xfe, 0x31));
  await putFiles(dir, ["turned/a.txt"], text("1\t2\tdog\n3\t1\tdog\n"));
  await putFiles(dir, ["sound/a.wav"]);
  const faulty: [path: string, message: string][] = [
    [
      "none",
      `Cannot read annotations from "${dir}/none": expected a file or a folder, found none of that name`,
    ],
    [
      "bytes",
      `Cannot read annotations from "${dir}/bytes/a.txt": expected UTF-8, found other bytes`,
    ],
    [
      "turned",
      `Cannot read "${dir}/turned/a.txt", line 2: expected an end after the start, found 3 to 1 s`,
    ],
    [
      "sound",
      `Cannot read annotations from "${dir}/sound": expected text files of annotations, found none`,
    ],
  ];
  for (const [path, message] of faulty) {
    await rejects(readAnnotations(`${dir}/${path}`), { name: "DatasetError", message });
  }
});
