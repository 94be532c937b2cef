/**
 * How long a file takes to decode beside libsndfile: processes of their own in turn, a pair at a time.
 *
 * What counts is processor time, without the start of the process, so that other work on the machine costs little.
 * `decodeAudio()` gives the mean of the channels, libsndfile each of them.
 *
 * @module
 */
import { basename } from "node:path";
import type { Notes, Options, Question } from "./_question.ts";
import { OptionError } from "./_question.ts";
import { fromWhereTyped, measureByScript, measureInProcess, pathOf } from "./_process.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { median } from "./_timing.ts";

/** What a process found. */
export interface Decoded {
  /** Processor time in user mode. */
  seconds: number;
  version?: string;
}

/** `decoding`. */
export const question: Question = {
  asks: "How long does a file take to decode beside libsndfile?",
  options: {
    files: { help: "files, with commas between them", default: "" },
    pairs: { help: "runs of each", default: "5" },
    python: { help: "a Python with soundfile, for libsndfile", default: "python3" },
  },
  answer,
};

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const files = options.text("files").split(",").filter((file) => file !== "");
  if (files.length === 0) throw new OptionError("files to decode in --files", "none");
  for (const file of files) yield await measure(fromWhereTyped(file), options, notes);
}

async function measure(file: string, options: Options, notes: Notes): Promise<BenchRow> {
  const peer = pathOf("peers/libsndfile.py");
  const ours: number[] = [];
  const theirs: number[] = [];
  let version: string | undefined;
  for (let pair = 0; pair < options.count("pairs"); pair++) {
    notes.progress(`${basename(file)}, pair ${pair + 1}`);
    ours.push((await measureByScript<Decoded>("_decoding_process.ts", { file })).seconds);
    const found = await measureInProcess<Decoded>([options.text("python"), peer], { file });
    theirs.push(found.seconds);
    version = found.version;
  }
  const least = (values: number[]) => Math.min(...values).toFixed(2);
  const [own, other] = [median(ours), median(theirs)];
  const name = `decode ${basename(file)} (${least(ours)} and ${least(theirs)} s at least)`;
  return besides(
    rowOf(name, own, "s"),
    `libsndfile ${version}, ${other.toFixed(2)} s`,
    other / own,
  );
}
