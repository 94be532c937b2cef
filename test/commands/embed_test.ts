import { deepEqual, equal, match } from "node:assert/strict";
import { useReference } from "../reference/backend.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { saveTinyModel, tinyExtractor, tinyModel } from "../tiny_model.ts";
import { cli, cliOk, jsonLines, toneFile, withFolder, writeFile } from "./_command_line.ts";

interface Row {
  file: string;
  time: number | null;
  embedding: number[];
  margin: number;
}

/** The tiny model in `folder/model`, and a clip of each pitch in `folder/clips`. */
async function prepare(folder: string): Promise<void> {
  await useReference();
  await saveTinyModel(`${folder}/model`);
  for (const label of ["high", "low", "mid"] as const) {
    await writeFile(`${folder}/clips/${label}.wav`, toneFile(label));
  }
}

const MODEL = ["--model", "model"];

Deno.test("nearest finds a clip itself first in what embed wrote", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await cliOk(["embed", ...MODEL, "--output", "x.parquet", "clips"], { cwd: folder });
    const search = ["nearest", ...MODEL, "--in", "x.parquet", "--json"];
    const found = await cliOk([...search, "clips/mid.wav"], { cwd: folder });
    const lines = jsonLines<{ file: string; similarity: number }>(found);
    equal(lines.length, 3);
    equal(lines[0]!.file, "clips/mid.wav");
    equal(Math.abs(lines[0]!.similarity - 1) < 1e-6, true);
    const least = await cliOk(["nearest", "--in", "x.parquet", "--sort", "margin", "--json"], {
      cwd: folder,
    });
    const margins = jsonLines<Row>(least).map(({ margin }) => margin);
    deepEqual(margins, margins.toSorted((a, b) => a - b));
  });
});

Deno.test("embed writes all frames with their times", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const frames = ["--layer", "0", "--pooling", "frames", "--output", "x.jsonl"];
    await cliOk(["embed", ...MODEL, ...frames, "clips/mid.wav"], { cwd: folder });
    const text = await Deno.readTextFile(`${folder}/x.jsonl`);
    const rows = text.trimEnd().split("\n").map((line) => JSON.parse(line) as Row);
    const times = rows.map(({ time }) => time!);
    equal(rows.length > 2, true);
    deepEqual(times, times.toSorted((a, b) => a - b));
    equal(times[0]! > 0 && times.at(-1)! < 0.5, true);
  });
});

Deno.test("nearest and embed refuse what they cannot use", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await writeFile(`${folder}/x.jsonl`, new TextEncoder().encode('{"file":"a"}\n'));
    const refused = async (args: string[], message: RegExp) => {
      const { code, stderr } = await cli(args, { cwd: folder });
      equal(code > 0, true);
      match(stderr, message);
    };
    await refused(
      ["nearest", "--in", "x.jsonl", "--sort", "margin"],
      /x\.jsonl:1".*expected a row/,
    );
    await writeFile(`${folder}/cut.parquet`, new TextEncoder().encode("PAR1"));
    await refused(["nearest", "--in", "cut.parquet", "--sort", "margin"], /cut\.parquet/);
    await refused(["nearest", ...MODEL, "--in", "none.jsonl", "clips/mid.wav"], /none\.jsonl/);
    await refused(
      ["embed", ...MODEL, "--output", "x.txt", "clips"],
      /ends with \.parquet or \.jsonl/,
    );
    await refused(["embed", ...MODEL, "clips"], /--output/);
    await refused(["embed", ...MODEL, "--layer", "99", "--output", "y.jsonl", "clips"], /layer/);
  });
});

Deno.test("nearest refuses vectors of another model, or of another layer", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const other = await tinyModel(2);
    await savePretrained(`${folder}/other`, other, tinyExtractor());
    other.dispose();
    for (const file of ["x.parquet", "x.jsonl"]) {
      await cliOk(["embed", ...MODEL, "--output", file, "clips"], { cwd: folder });
      const search = async (...args: string[]) => {
        const { code, stderr } = await cli(
          ["nearest", "--in", file, "clips/mid.wav", ...args],
          { cwd: folder },
        );
        equal(code > 0, true, file);
        return stderr;
      };
      match(await search("--model", "other"), /model of fingerprint \w{12}, found \w{12}/);
      match(await search(...MODEL, "--layer", "1"), /layer 1, found what the head looks at/);
    }
  });
});
