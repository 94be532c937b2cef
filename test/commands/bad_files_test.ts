import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { soundSplits } from "../../src/commands/_bad_files.ts";
import { loadSplits } from "../../src/commands/_data.ts";
import { inFlags } from "../../src/commands/_flags.ts";
import { toneWav } from "../data/folders.ts";
import { parquetFile } from "../docs/parquet_file.ts";
import { silentOutput, withFolder, writeFile } from "./_command_line.ts";

const CHOICE = { testSize: 0, validationSize: 0, stratify: true, seed: 42 };
const STOP = { skipBadFiles: false };
const SKIP = { skipBadFiles: true };

/** Eight clips in a table, of which 3 is missing, 6 is no audio, and 5 is cut within its headers. */
async function writeList(folder: string, bad: readonly number[]): Promise<string> {
  const rows = Array.from({ length: 8 }, (_, i) => `${i}.wav,${i % 2 ? "on" : "off"}`);
  const text = ["file_name,label", ...rows].join("\n");
  await writeFile(`${folder}/list.csv`, new TextEncoder().encode(text));
  const broken: Readonly<Record<number, Uint8Array>> = {
    5: toneWav(0.1).subarray(0, 20),
    6: new TextEncoder().encode("<html>"),
  };
  for (let i = 0; i < 8; i++) {
    if (bad.includes(i) && !broken[i]) continue;
    await writeFile(`${folder}/${i}.wav`, bad.includes(i) ? broken[i]! : toneWav(0.1));
  }
  return `${folder}/list.csv`;
}

Deno.test("soundSplits() names all bad files at once, by their headers", async () => {
  await withFolder(async (folder) => {
    const source = await writeList(folder, [3, 5, 6]);
    const { splits } = await loadSplits(source, CHOICE);
    await rejects(soundSplits(splits, STOP, silentOutput()), (error: Error & { hint: string }) => {
      const [line, ...named] = error.message.split("\n");
      equal(line, "Cannot use 3 recordings: expected sound that can be read, found");
      equal(named.length, 3);
      match(named[0]!, /^ {2}Cannot open ".*\/3\.wav": no such file or folder \(.*, row 3\)$/);
      match(named[1]!, /^ {2}Cannot decode audio ".*\/5\.wav": expected 16 bytes/);
      match(named[2]!, /^ {2}Cannot decode audio ".*\/6\.wav": expected audio, found/);
      equal(error.hint, "Leave them out with --skip-bad-files");
      return true;
    });
  });
});

Deno.test("soundSplits() gives the error of a single bad file as it is", async () => {
  await withFolder(async (folder) => {
    const { splits } = await loadSplits(await writeList(folder, [3]), CHOICE);
    await rejects(soundSplits(splits, STOP, silentOutput()), {
      name: "FileError",
      message: `Cannot open "${folder}/3.wav": no such file or folder (${folder}/list.csv, row 3)`,
      hint: "Leave it out with --skip-bad-files",
    });
  });
});

Deno.test("soundSplits() asks where the recordings are where none is there", async () => {
  await withFolder(async (folder) => {
    const { splits } = await loadSplits(await writeList(folder, [0, 1, 2, 3, 4, 7]), CHOICE);
    for (const name of ["5.wav", "6.wav"]) await Deno.remove(`${folder}/${name}`);
    for (const how of [STOP, SKIP]) {
      await rejects(soundSplits(splits, how, silentOutput()), {
        message: /^Cannot use all 8 recordings: /,
        hint: "Say with --audio-dir where the recordings are",
      });
    }
  });
});

Deno.test("soundSplits() leaves bad files out, and names each", async () => {
  await withFolder(async (folder) => {
    const { splits } = await loadSplits(await writeList(folder, [3, 6]), CHOICE);
    const said: string[] = [];
    const sound = await soundSplits(splits, SKIP, silentOutput((line) => said.push(line)));
    const rows = sound.train!.clips.map(({ file }) => Number(file.match(/(\d)(\.wav)?$/)![1]));
    deepEqual(rows, [0, 1, 2, 4, 5, 7]);
    equal(said[0], "Warning: 2 recordings are left out, since no sound can be read:");
    ok(said[1]!.includes("3.wav") && said[2]!.includes("/6.wav"), said.join("\n"));
    equal((await soundSplits(sound, STOP, silentOutput())).train, sound.train);
  });
});

Deno.test("soundSplits() refuses a split of which nothing is left", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/train/a/1.wav`, toneWav(0.1));
    await writeFile(`${folder}/train/b/1.wav`, toneWav(0.1));
    await writeFile(`${folder}/test/a/1.wav`, new Uint8Array(3));
    const { splits } = await loadSplits(folder, { ...CHOICE, testSize: undefined });
    await rejects(soundSplits(splits, SKIP, silentOutput()), {
      name: "DatasetError",
      message: 'Cannot use data set "test": expected clips that can be read, found none',
    });
  });
});

/** Two Parquet files of four clips each; the labels of the second cannot be read any more. */
async function writeTables(folder: string): Promise<string> {
  for (const part of [0, 1]) {
    const label = ["on", "off", "on", "off"];
    const bytes = label.map((_, i) => toneWav(0.1 + 0.01 * i + 0.1 * part));
    const path = label.map((_, i) => `${part}${i}.wav`);
    const file = parquetFile({ audio: { bytes, path }, label });
    if (part === 1) {
      const at = new TextDecoder("latin1").decode(file).lastIndexOf("\x03\0\0\0off");
      file.fill(0xff, at, at + 4);
    }
    await writeFile(`${folder}/train-0000${part}-of-00002.parquet`, file);
  }
  return folder;
}

Deno.test("rows whose labels are damaged are left out and named where bad files are skipped", async () => {
  await withFolder(async (folder) => {
    const source = await writeTables(folder);
    const message =
      `Cannot read data "${folder}/train-00001-of-00002.parquet": expected Parquet, ` +
      "found a file that breaks its rules";
    await rejects(loadSplits(source, CHOICE), (error: Error & { hint: string }) => {
      ok(error.message.startsWith(message), error.message);
      equal(inFlags(error.hint), "Leave its rows out with --skip-bad-files");
      return error.name === "FileError";
    });
    const { splits, labels } = await loadSplits(source, { ...CHOICE, ...SKIP });
    deepEqual(labels, ["off", "on"]);
    const said: string[] = [];
    const out = silentOutput((line) => said.push(line));
    const { train } = await soundSplits(splits, SKIP, out);
    deepEqual(train!.clips.map(({ label }) => label), [1, 0, 1, 0]);
    const [first, line, ...more] = said;
    equal(first, "Warning: 4 recordings are left out, since no sound can be read:");
    ok(line!.startsWith(`- ${message}`) && line!.endsWith("(4 recordings)"), line);
    deepEqual(more, []);
  });
});

Deno.test("rows whose labels are none of the classes are left out and named, too", async () => {
  await withFolder(async (folder) => {
    const features = {
      audio: { _type: "Audio" },
      label: { _type: "ClassLabel", names: ["off", "on"] },
    };
    const label = [0, 1, 7, 0, 1];
    const audio = {
      bytes: label.map((_, i) => toneWav(0.1 + 0.01 * i)),
      path: label.map((_, i) => `${i}.wav`),
    };
    const huggingface = JSON.stringify({ info: { features } });
    const source = `${folder}/train.parquet`;
    await writeFile(source, parquetFile({ audio, label }, { huggingface }));
    const message = `Cannot use label of ${source}, row 2: expected a class from 0 to 1, found 7`;
    await rejects(loadSplits(source, CHOICE), { name: "DatasetError", message });
    const { splits } = await loadSplits(source, { ...CHOICE, ...SKIP });
    const said: string[] = [];
    const { train } = await soundSplits(splits, SKIP, silentOutput((line) => said.push(line)));
    deepEqual(train!.clips.map(({ label }) => label), [0, 1, 0, 1]);
    deepEqual(said.slice(1), [`- ${message}`]);
  });
});
