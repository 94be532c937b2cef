/**
 * How soon a bundle answers: from the start of a process to the labels of one second of audio, and its memory, beside
 * an empty `Deno.serve`, and the bundle of another checkout where one is named.
 *
 * The model is exported, unless it is f32, and bundled by the command line, and the bundle started as its `deno.json`
 * says, anew for each round; the first request is sent as soon as it listens. Memory is the most that was resident then,
 * as Linux counts it, and so is processor time. Files are in the page cache after the first round, which is not counted.
 *
 * @module
 */
import { encodeWav } from "../src/audio/mod.ts";
import { AutoFeatureExtractor } from "../src/pretrained.ts";
import { directoryFor, withModel } from "./_models.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { fromWhereTyped, type ModelRequest, noiseBatch, ROOT, runCli } from "./_process.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { median, medianRatio } from "./_timing.ts";
import { commitOf } from "./whole_models.ts";

/** `first-answer`. */
export const question: Question = {
  asks: "How soon does a bundle answer from a cold start, and in what memory?",
  options: {
    model: { help: "tiny, small, base or a model directory", default: "small" },
    dtype: { help: "q8, f16 or f32", default: "q8" },
    rounds: { help: "processes of each bundle, in turn", default: "7" },
    against: { help: "measure another checkout of Earshot beside this one", default: "" },
  },
  answer,
};

/** What one process took. */
interface FirstAnswer {
  /** From its start until it listens. */
  listeningMs: number;
  /** From its start until the answer is there, the one second of audio classified. */
  firstMs: number;
  /** From a second request to its answer. */
  secondMs: number;
  /** Processor time from its start until the answer is there. */
  processorMs: number;
  /** The most that was resident until the first answer. */
  peakRssMb: number;
}

/** A server that answers whatever it gets. */
const EMPTY = "Deno.serve(async (request) => new Response(await request.bytes()));";

/** Starts a bundle and asks it twice. */
async function measure(directory: string, clip: Uint8Array): Promise<FirstAnswer> {
  const env = { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1" };
  const args = ["run", "--allow-read=.", "--allow-net", "main.js"];
  const options = { args, cwd: directory, env, stdout: "null", stderr: "piped" } as const;
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), options).spawn();
  try {
    const url = await addressIn(child.stderr);
    const listeningMs = performance.now() - started;
    await ask(url, clip);
    const firstMs = performance.now() - started;
    const processorMs = await processorMsOf(child.pid);
    const peakRssMb = await peakOf(child.pid);
    const asked = performance.now();
    await ask(url, clip);
    const secondMs = performance.now() - asked;
    return { listeningMs, firstMs, secondMs, processorMs, peakRssMb };
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

async function addressIn(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!/http:\/\/[\d.]+:\d+\//.test(text)) {
    const { value, done } = await reader.read();
    if (done) throw new RangeError(`Cannot start the bundle: ${text}`);
    text += value;
  }
  reader.read().catch(() => {});
  return text.match(/http:\/\/[\d.]+:\d+\//)![0];
}

async function ask(url: string, clip: Uint8Array): Promise<void> {
  const response = await fetch(url, { method: "POST", body: clip.slice() });
  const text = await response.text();
  if (response.status !== 200) throw new RangeError(`Cannot get an answer: ${text}`);
}

/** Of all threads that it has. */
async function processorMsOf(pid: number): Promise<number> {
  let nanoseconds = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const times = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`);
    nanoseconds += Number(times.split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1]) * 1024 / 1e6;
}

/** What is said of a bundle. */
const FIGURES: readonly [string, BenchRow["unit"], keyof FirstAnswer][] = [
  ["listening", "ms", "listeningMs"],
  ["first answer", "ms", "firstMs"],
  ["second answer", "ms", "secondMs"],
  ["processor time until the first answer", "ms", "processorMs"],
  ["most memory", "MB", "peakRssMb"],
];

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const dtype = options.oneOf("dtype", ["q8", "f16", "f32"]);
  const [model, rounds] = [options.text("model"), options.count("rounds")];
  const other = options.text("against") && fromWhereTyped(options.text("against"));
  const beside = other ? `checkout ${await commitOf(other)}` : "";
  yield* withModel(model, async function* (directories) {
    const { samplingRate } = await AutoFeatureExtractor.fromPretrained(directories.original);
    const clip = encodeWav(noiseBatch([1, samplingRate]).inputs, samplingRate);
    const bundles: string[] = [];
    for (const root of other ? [ROOT, other] : [ROOT]) {
      notes.progress(`bundling ${model} with ${root}`);
      bundles.push(await bundleOf(dtype, { root, ...directories }));
    }
    bundles.push(await emptyServer(directories.scratch));
    const found: FirstAnswer[][] = bundles.map(() => []);
    for (let round = 0; round <= rounds; round++) {
      notes.progress(`round ${round} of ${rounds}`);
      for (const [i, bundle] of bundles.entries()) {
        const measured = await measure(bundle, clip);
        if (round > 0) found[i]!.push(measured);
      }
    }
    for (const [what, unit, field] of FIGURES) {
      const all = found.map((ofOne) => ofOne.map((one) => one[field]));
      const [ours, empty] = [all[0]!, all.at(-1)!];
      const row = rowOf(`bundle of ${model} ${dtype}: ${what}`, median(ours), unit);
      yield besides(row, "an empty Deno.serve", medianRatio(empty, ours));
      if (other) yield besides(row, beside, medianRatio(all[1]!, ours));
    }
  });
}

async function emptyServer(scratch: string): Promise<string> {
  const directory = `${scratch}/empty`;
  await Deno.mkdir(directory);
  await Deno.writeTextFile(`${directory}/main.js`, EMPTY);
  return directory;
}

async function bundleOf(
  dtype: ModelRequest["dtype"],
  place: Pick<ModelRequest, "root" | "original" | "scratch">,
): Promise<string> {
  const directory = await directoryFor(dtype, place);
  const output = `${place.scratch}/bundle${place.root.replaceAll("/", "_")}`;
  await runCli(place.root, "bundle", "--model", directory, "--output", output);
  return output;
}
