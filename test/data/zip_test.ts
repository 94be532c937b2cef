/**
 * Zip archives of data sets: what a file may unpack to, and what opening a long list costs.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { type DataFile, type DataFiles, openBytes } from "../../src/data/_data_files.ts";
import { withoutArchives } from "../../src/data/_zip.ts";
import { craftZip, type ZipLies } from "../weights/craft_torch.ts";
import type { ClassLabel } from "../../src/data/features.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { zipFile } from "./craft_zip.ts";
import { folderTest, toneWav } from "./folders.ts";

/** An archive in memory as the only file of a data set, and how often it was read. */
function archiveOf(bytes: Uint8Array): DataFiles & { reads: number } {
  const file: DataFile = {
    ...{ path: "a.zip", name: "a.zip", sizeBytes: bytes.length },
    open: () => {
      const opened = openBytes("a.zip", bytes);
      const read = (start: number, end: number) => {
        files.reads++;
        return opened.read(start, end);
      };
      return Promise.resolve({ ...opened, read });
    },
    sibling: () => Promise.reject(new RangeError("no other file")),
  };
  const files = { name: "a", paths: ["a.zip"], reads: 0, file: () => Promise.resolve(file) };
  return files;
}

async function contentOf(bytes: Uint8Array, path = "a/x.txt"): Promise<string> {
  const file = await (await withoutArchives(archiveOf(bytes))).file(path);
  using source = await file.open();
  return new TextDecoder().decode(await source.read(0, source.sizeBytes));
}

const FILES = { "x.txt": "what is inside, what is inside" };

Deno.test("withoutArchives() reads compressed and stored files", async () => {
  equal(await contentOf(zipFile(FILES)), FILES["x.txt"]);
  const stored = craftZip([["x.txt", new TextEncoder().encode("ab"), { checksum: 0x9e83486d }]]);
  equal(await contentOf(stored), "ab");
});

Deno.test("withoutArchives() refuses a file of 1 GB from 1 MB before it unpacks it", async () => {
  const zip = zipFile({ "x.txt": new Uint8Array(2 ** 20) }, { sizeBytes: 2 ** 30 });
  const refused = {
    name: "FileError",
    message: /^Cannot open "a\.zip\/x\.txt": expected at most/,
  };
  await rejects(contentOf(zip), refused);
});

Deno.test("withoutArchives() refuses what its directory does not tell the truth about", async () => {
  const lies: [ZipLies, RegExp][] = [
    [{ sizeBytes: 10 }, /Cannot create a Buffer larger than 10 bytes/],
    [{ sizeBytes: 31 }, /30 bytes, stated as 31/],
    [{ checksum: 1 }, /a checksum that differs/],
    [{ method: 12 }, /compressed by 12/],
    [{ flags: 1 }, /it is encrypted/],
  ];
  for (const [lie, reason] of lies) {
    const message = RegExp(
      `^Cannot open "a\\.zip/x\\.txt": expected a sound zip archive \\(.*${reason.source}`,
    );
    await rejects(contentOf(zipFile(FILES, lie)), { name: "FileError", message });
  }
});

Deno.test("withoutArchives() lists an archive by two reads, however many files are in it", async () => {
  const names = Array.from({ length: 5_000 }, (_, i) => [`${i % 7}/${i}.wav`, ""]);
  const archive = archiveOf(zipFile(Object.fromEntries(names)));
  const { paths } = await withoutArchives(archive);
  equal(paths.length, 5_000);
  ok(archive.reads <= 2, `${archive.reads} reads`);
});

Deno.test("withoutArchives() leaves hidden files and those outside of it alone", async () => {
  const zip = zipFile({ "x.txt": "", "../y.txt": "", ".z": "", "a\\b": "", "__MACOSX/x.txt": "" });
  deepEqual((await withoutArchives(archiveOf(zip))).paths, ["a/x.txt"]);
});

folderTest("loadDataset() reads a zip of any name, and a folder that holds it", async (dir) => {
  const clip = toneWav(0.01);
  const clips = { "no/1.wav": clip, "yes/1.wav": clip, "yes/2.wav": clip };
  const wrapped = Object.fromEntries(
    Object.entries(clips).map(([name, bytes]) => [`recordings/${name}`, bytes]),
  );
  for (const content of [clips, wrapped]) {
    for (const name of ["words.zip", "words.ZIP", "words", "words.bin"]) {
      const folder = await Deno.makeTempDir({ dir });
      await Deno.writeFile(`${folder}/${name}`, zipFile(content));
      for (const source of [folder, `${folder}/${name}`]) {
        const { train } = await loadDataset(source);
        deepEqual(train!.numRows, 3, source);
        deepEqual((train!.features.label as ClassLabel).names, ["no", "yes"]);
      }
    }
  }
});

folderTest(
  "loadDataset() reads a zip for each label, and several with the same names",
  async (dir) => {
    const clip = toneWav(0.01);
    for (const label of ["no", "yes"]) {
      await Deno.writeFile(`${dir}/${label}.zip`, zipFile({ "1.wav": clip, "2.wav": clip }));
    }
    const { train } = await loadDataset(dir);
    deepEqual([train!.numRows, (train!.features.label as ClassLabel).names], [4, ["no", "yes"]]);
    for (const part of ["no", "yes"]) {
      await Deno.writeFile(`${dir}/${part}.zip`, zipFile({ "a/1.wav": clip, "b/1.wav": clip }));
    }
    const parts = await loadDataset(dir);
    deepEqual(parts.train!.numRows, 4);
    deepEqual((parts.train!.features.label as ClassLabel).names, ["a", "b"]);
  },
);
