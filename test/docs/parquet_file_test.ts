import { deepEqual, equal } from "node:assert/strict";
import { loadDataset } from "../../src/data/load_dataset.ts";
import { folderTest } from "../data/folders.ts";
import { parquetFile } from "./parquet_file.ts";

folderTest("parquetFile() is read back, nested columns and long lists too", async (dir) => {
  const names = Array.from({ length: 20 }, (_, i) => `column${i}`);
  const many = Object.fromEntries(names.map((name, i) => [name, [i, -1 + i, 2 ** 40]]));
  const columns = {
    path: ["a.wav", "ü.wav", ""],
    speaker: {
      data: [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)],
      name: ["a", "b", "c"],
    },
    ...many,
  };
  await Deno.writeFile(`${dir}/rows.parquet`, parquetFile(columns, { note: "x" }));
  const rows = await loadDataset(`${dir}/rows.parquet`, { split: "train" });
  equal(rows.numRows, 3);
  deepEqual(await rows.column("path"), columns.path);
  deepEqual(await rows.column("column19"), [19, 18, 2 ** 40]);
  const speakers = await rows.column("speaker") as { data: Uint8Array; name: string }[];
  deepEqual(speakers.map(({ data, name }) => [...data, name]), [[1, 2, "a"], ["b"], [3, "c"]]);
});
