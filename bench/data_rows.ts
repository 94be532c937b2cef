/**
 * How fast a large data set opens and streams, and what memory that takes.
 *
 * Without a file, a CSV manifest of so many rows is written first and removed at the end. Every row is read once in
 * order, then 1,000 at random places; resident memory is noted at every tenth of the rows.
 *
 * @module
 */
import type { Dataset } from "../src/data/dataset.ts";
import { Audio } from "../src/data/features.ts";
import { loadDataset } from "../src/data/load_dataset.ts";
import { Random } from "../src/random.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { fromWhereTyped } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";

const RANDOM_ROWS = 1000;

/** `data-rows`. */
export const question: Question = {
  asks: "How fast does a large data set open and stream, and in what memory?",
  options: {
    file: { help: "a CSV or Parquet file; without one, a manifest is written", default: "" },
    rows: { help: "rows of that manifest", default: "1000000" },
    decode: { help: "decode recordings too" },
  },
  answer,
};

function residentMb(): number {
  return Deno.memoryUsage().rss / 1e6;
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

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const given = options.text("file");
  const rows = options.count("rows");
  notes.progress("writing a manifest");
  const file = given ? fromWhereTyped(given) : await writeManifest(rows);
  try {
    yield* measure(file, options.flag("decode"), notes);
  } finally {
    if (!given) await Deno.remove(file);
  }
}

async function* measure(file: string, decode: boolean, notes: Notes): AsyncGenerator<BenchRow> {
  const started = performance.now();
  const whole = await loadDataset(file, { split: "train" });
  const openMs = performance.now() - started;
  const isAudio = whole.features.audio instanceof Audio;
  const dataset: Dataset = isAudio ? whole.castColumn("audio", new Audio({ decode })) : whole;
  const kind = file.endsWith(".csv") ? "CSV" : "Parquet";
  const name = `${dataset.numRows} rows of ${kind}${decode && isAudio ? ", decoded" : ""}`;
  yield rowOf(`${name}: open`, openMs, "ms");
  await dataset.at(0);
  yield rowOf(`${name}: first row after that`, performance.now() - started - openMs, "ms");
  yield rowOf(`${name}: resident before the rows`, residentMb(), "MB");
  const { rowsPerSec, mostMb } = await stream(dataset, (tenth) => notes.progress(`${tenth}0 %`));
  yield rowOf(`${name}: in order`, rowsPerSec, "rows/s");
  yield rowOf(`${name}: most resident, by tenths`, mostMb, "MB");
  const random = new Random(1);
  const jumping = performance.now();
  for (let i = 0; i < RANDOM_ROWS; i++) await dataset.at(random.below(dataset.numRows));
  yield rowOf(`${name}: one at random`, (performance.now() - jumping) / RANDOM_ROWS, "ms");
}

async function stream(
  dataset: Dataset,
  atTenth: (tenth: number) => void,
): Promise<{ rowsPerSec: number; mostMb: number }> {
  const tenth = Math.ceil(dataset.numRows / 10);
  const started = performance.now();
  let [done, mostMb] = [0, 0];
  for await (const _ of dataset) {
    if (++done % tenth > 0) continue;
    mostMb = Math.max(mostMb, residentMb());
    atTenth(done / tenth);
  }
  return { rowsPerSec: done / (performance.now() - started) * 1000, mostMb };
}
