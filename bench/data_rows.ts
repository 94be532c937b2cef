/**
 * How fast a large data set opens and streams, and what memory that takes.
 *
 *     deno run --allow-read --allow-write --allow-env bench/data_rows.ts [FILE.parquet] [--rows 1000000] [--decode] [--json]
 *
 * Without a file, a CSV manifest of so many rows is written first and removed at the end;
 * `peers/large_parquet.py` writes a Parquet file. Every row is read once in order, then 1,000 at
 * random places. Resident memory is noted at every tenth of the rows.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Dataset } from "../src/data/dataset.ts";
import { Audio } from "../src/data/features.ts";
import { loadDataset } from "../src/data/load_dataset.ts";
import { Random } from "../src/random.ts";

/** What was measured. */
interface RowsResult {
  file: string;
  rows: number;
  sizeBytes: number;
  decoded: boolean;
  /** From a file name to a data set whose rows can be asked for. */
  openMs: number;
  /** From there to the first row. */
  firstRowMs: number;
  rowsPerSec: number;
  /** Milliseconds of a row at a random place. */
  randomRowMs: number;
  /** Resident megabytes before the first row and after each tenth of all. */
  residentMb: number[];
}

function residentMb(): number {
  return Math.round(Deno.memoryUsage().rss / 2 ** 20);
}

async function writeManifest(rows: number): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".csv" });
  using out = await Deno.open(file, { write: true });
  const write = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await out.write(bytes.subarray(at));
  };
  await write("audio,label,id\n");
  for (let start = 0; start < rows; start += 10_000) {
    const ids = Array.from({ length: Math.min(10_000, rows - start) }, (_, i) => start + i);
    await write(ids.map((id) => `clips/${id}.wav,${id % 2 ? "yes" : "no"},${id}\n`).join(""));
  }
  return file;
}

async function measure(file: string, decoded: boolean): Promise<RowsResult> {
  const started = performance.now();
  const whole = await loadDataset(file, { split: "train" });
  const openMs = performance.now() - started;
  const isAudio = whole.features.audio instanceof Audio;
  const dataset: Dataset = isAudio
    ? whole.castColumn("audio", new Audio({ decode: decoded }))
    : whole;
  await dataset.at(0);
  const firstRowMs = performance.now() - started - openMs;
  const memory = [residentMb()];
  const tenth = Math.ceil(dataset.numRows / 10);
  const streaming = performance.now();
  let done = 0;
  for await (const _ of dataset) if (++done % tenth === 0) memory.push(residentMb());
  const rowsPerSec = Math.round(done / (performance.now() - streaming) * 1000);
  const random = new Random(1);
  const jumping = performance.now();
  for (let i = 0; i < 1000; i++) await dataset.at(random.below(dataset.numRows));
  return {
    file,
    rows: dataset.numRows,
    sizeBytes: (await Deno.stat(file)).size,
    decoded: decoded && isAudio,
    openMs,
    firstRowMs,
    rowsPerSec,
    randomRowMs: (performance.now() - jumping) / 1000,
    residentMb: memory,
  };
}

function print(result: RowsResult): void {
  const { rows, sizeBytes, openMs, firstRowMs, rowsPerSec, randomRowMs } = result;
  console.log(
    `${rows} rows, ${(sizeBytes / 1e6).toFixed(0)} MB${result.decoded ? ", decoded" : ""}`,
  );
  console.log(
    `opened in ${openMs.toFixed(0)} ms, first row after ${firstRowMs.toFixed(0)} ms more`,
  );
  console.log(`${rowsPerSec} rows/s in order, ${randomRowMs.toFixed(2)} ms a row at random`);
  console.log(`resident MB, by tenths: ${result.residentMb.join(" ")}`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000000" },
    decode: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const file = positionals[0] ?? await writeManifest(Number(values.rows));
try {
  const result = await measure(file, values.decode);
  if (values.json) console.log(JSON.stringify(result));
  else print(result);
} finally {
  if (positionals.length === 0) await Deno.remove(file);
}
