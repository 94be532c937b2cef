/**
 * CSV, TSV and JSON-lines files: types, cells of several lines, long files, and broken lines.
 *
 * @module
 */

import { deepEqual, equal, rejects } from "node:assert/strict";
import type { Dataset } from "../../src/data/dataset.ts";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { folderTest, toneWav } from "./folders.ts";

async function written(dir: string, name: string, text: string | Uint8Array): Promise<Dataset> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  await Deno.writeFile(`${dir}/${name}`, bytes);
  return await loadDataset(`${dir}/${name}`, { split: "train" });
}

function types({ features }: Dataset): string[] {
  return Object.entries(features).map(([name, type]) => `${name} ${type}`);
}

folderTest("loadDataset() reads CSV with the types of its columns", async (dir) => {
  const text = 'file,n,score,ok,note\na.wav,1,0.5,true,"a, ""b"""\r\nb.wav,,2,FALSE,"two\nlines"\n';
  const dataset = await written(dir, "a.csv", `\uFEFF${text}`);
  deepEqual(types(dataset), [
    "file Value('string')",
    "n Value('int64')",
    "score Value('float64')",
    "ok Value('bool')",
    "note Value('string')",
  ]);
  deepEqual(await Array.fromAsync(dataset), [
    { file: "a.wav", n: 1, score: 0.5, ok: true, note: 'a, "b"' },
    { file: "b.wav", n: null, score: 2, ok: false, note: "two\nlines" },
  ]);
});

folderTest("loadDataset() widens a column's type to what all its cells are", async (dir) => {
  const dataset = await written(dir, "a.csv", "a,b,c\n1,1,\n2.5,x,\n");
  deepEqual(types(dataset), ["a Value('float64')", "b Value('string')", "c Value('null')"]);
  deepEqual(await dataset.column("b"), ["1", "x"]);
});

folderTest("loadDataset() reads TSV and JSON lines", async (dir) => {
  const tsv = await written(dir, "a.tsv", "file\tn\na,b.wav\t7\n");
  deepEqual(await tsv.at(0), { file: "a,b.wav", n: 7 });
  const json = await written(
    dir,
    "a.jsonl",
    '{"file":"a.wav","n":1,"list":[]}\n\n{"file":"b.wav","n":1.5,"list":["x"],"more":{"k":1}}',
  );
  deepEqual(types(json), [
    "file Value('string')",
    "n Value('float64')",
    "list List(Value('string'))",
    "more {'k': Value('int64')}",
  ]);
  deepEqual(await json.at(1), { file: "b.wav", n: 1.5, list: ["x"], more: { k: 1 } });
  equal((await json.at(0)).more, null);
});

folderTest(
  "loadDataset() reads a list of JSON objects, and lines in a file so named",
  async (dir) => {
    const list = await written(dir, "a.json", ' [{"n":1,"s":"x"},\n {"n":2.5}]\n');
    deepEqual(types(list), ["n Value('float64')", "s Value('string')"]);
    deepEqual(await Array.fromAsync(list), [{ n: 1, s: "x" }, { n: 2.5, s: null }]);
    deepEqual(await (await written(dir, "a.json", '{"n":1}\n{"n":2}\n')).column("n"), [1, 2]);
    const refused = (found: string) => ({
      name: "DatasetError",
      message: `Cannot read "${dir}/a.json", line 1: expected a list of objects, found ${found}`,
    });
    await rejects(written(dir, "a.json", '[{"n":1}, 7]'), refused("something else at place 1"));
    await rejects(written(dir, "a.json", '[{"n":'), {
      message: /expected a list of objects, found/,
    });
  },
);

folderTest("loadDataset() reads a long file in any order", async (dir) => {
  const rows = Array.from({ length: 5_000 }, (_, i) => `${i},"line ${i}\nof, two"`);
  const dataset = await written(dir, "a.csv", `n,text\n${rows.join("\n")}`);
  equal(dataset.numRows, 5_000);
  for (const n of [4_999, 0, 1_023, 1_024, 1_022, 3_000]) {
    deepEqual(await dataset.at(n), { n, text: `line ${n}\nof, two` });
  }
  deepEqual(await dataset.column("n"), Array.from({ length: 5_000 }, (_, i) => i));
});

folderTest("loadDataset() names the line of a CSV file that is not as the heading", async (dir) => {
  const refused = (line: number, found: string) => ({
    name: "DatasetError",
    message: `Cannot read "${dir}/a.csv", line ${line}: expected ${found}`,
    file: `${dir}/a.csv`,
  });
  await rejects(written(dir, "a.csv", "a,b\n1,2\n3,4,5\n"), refused(3, "2 cells, found 3"));
  await rejects(written(dir, "a.csv", 'a,b\n"1\n1",2\n3\n'), refused(4, "2 cells, found 1"));
  const long = `a,b\n${"1,2\n".repeat(3_000)}3\n`;
  await rejects(written(dir, "a.csv", long), refused(3_002, "2 cells, found 1"));
  await rejects(
    written(dir, "a.csv", "a,a\n1,2\n"),
    refused(1, 'each column once, found "a" twice'),
  );
  await rejects(written(dir, "a.csv", 'a,b\n1,2"3\n'), {
    name: "DatasetError",
    message: /a\.csv", line 2: expected CSV, found Invalid Opening Quote/,
  });
  const latin = Uint8Array.from([...new TextEncoder().encode("a\nx\n"), 0xe9, 10]);
  await rejects(written(dir, "a.csv", latin), refused(1, "UTF-8, found other bytes from there on"));
});

folderTest("loadDataset() names the line of a JSON-lines file that is no object", async (dir) => {
  const refused = (line: number, found: string) => ({
    name: "DatasetError",
    message: `Cannot read "${dir}/a.jsonl", line ${line}: expected a JSON object, found ${found}`,
  });
  await rejects(written(dir, "a.jsonl", '{"a":1}\n{"a":'), refused(2, '"{\\"a\\":"'));
  await rejects(written(dir, "a.jsonl", "[1]"), refused(1, "a list"));
  await rejects(written(dir, "a.jsonl", '{"a":1}\n\n7\n'), refused(3, "7"));
});

folderTest("a manifest's recordings lie beside it", async (dir) => {
  await Deno.mkdir(`${dir}/clips`);
  await Deno.writeFile(`${dir}/clips/1.wav`, toneWav(0.01));
  const manifest = await written(dir, "a.csv", "audio,label\nclips/1.wav,yes\nclips/2.wav,no\n");
  const dataset = manifest.castColumn("audio", { samplingRate: 16_000 });
  const { audio } = await dataset.at(0);
  equal((audio as { array: Float32Array }).array.length, 160);
  await rejects(dataset.at(1), {
    name: "FileError",
    message: `Cannot open "${dir}/clips/2.wav": no such file or folder (${dir}/a.csv, row 1)`,
  });
});

folderTest("loadDataset() takes semicolons and tabs in CSV for what they are", async (dir) => {
  const rows = [["a.wav", "yes"], ["b;1.wav", "no"]];
  for (const mark of [",", ";", "\t"]) {
    const text = [["file", "label"], ...rows].map((row) =>
      row.map((cell) => cell.includes(";") ? `"${cell}"` : cell).join(mark)
    ).join("\n");
    const dataset = await written(dir, "a.csv", text);
    deepEqual(types(dataset), ["file Value('string')", "label Value('string')"]);
    deepEqual(await dataset.column("file"), rows.map(([file]) => file));
  }
  const decimal = await written(dir, "n.csv", "name;value\na;0,5\n");
  deepEqual(await decimal.at(0), { name: "a", value: "0,5" });
  const commas = await written(dir, "n.tsv", "name,value\na,1\n");
  deepEqual(await commas.at(0), { name: "a", value: 1 });
  await rejects(written(dir, "r.csv", "a;b\n1;2;3\n"), {
    hint: 'The columns are "a", "b"; a cell with a semicolon needs quotes around it',
  });
});
