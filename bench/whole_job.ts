/**
 * What a whole training job takes, beside the same one in PyTorch with `datasets` and `DataLoader`: `tiny` from random
 * weights on the Free Spoken Digit Dataset.
 *
 * Both start from the same weights and see the same clips, batch size, epochs, optimiser and schedule, without changes of
 * the clips. Time counts from the start of a process to the accuracy on the test split. With `--pairs` they take
 * turns.
 *
 * @module
 */
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { savePretrained } from "../src/pretrained.ts";
import { PRESETS } from "../src/train/options/presets.ts";
import { fromWhereTyped, measureByScript, measureInProcess, ROOT } from "./_process.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, besides, betterBy, rowOf } from "./_records.ts";
import { median } from "./_timing.ts";
import type { JobFound, JobRequest } from "./_whole_job_process.ts";
import { jobCommand } from "./peers/peers.ts";

/** `job`. */
export const question: Question = {
  asks: "What does a whole training job take, beside the same in PyTorch?",
  options: {
    data: { help: "the Free Spoken Digit Dataset", default: `${ROOT}/../shared/data/fsdd` },
    preset: { help: "tiny or small", default: "tiny" },
    epochs: { help: "epochs", default: "16" },
    batch: { help: "clips of a batch", default: "16" },
    threads: { help: "threads of each", default: "2" },
    pairs: { help: "jobs of each, in turn", default: "1" },
    seed: { help: "seed of weights and order", default: "42" },
    python: { help: "Python that has torch, transformers, datasets and soundfile", default: "" },
  },
  answer,
};

async function writeModel(
  preset: "tiny" | "small",
  { data, directory, seed }: JobRequest,
): Promise<void> {
  const labels: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${data}/train`)) {
    if (isDirectory) labels.push(name);
  }
  const device = await startWasm();
  try {
    const { config, preprocessor } = PRESETS[preset];
    const model = await buildModel(config, { labels: labels.toSorted(), seed });
    await savePretrained(directory, model, featureExtractorFromConfig(preprocessor));
  } finally {
    device.dispose();
  }
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const preset = options.oneOf("preset", ["tiny", "small"]);
  const { learningRate, warmupRatio, weightDecay } = PRESETS[preset].args;
  const scratch = await Deno.makeTempDir({ prefix: "earshot-bench-" });
  const request: JobRequest = {
    data: fromWhereTyped(options.text("data")),
    directory: `${scratch}/model`,
    scratch,
    threads: options.count("threads"),
    epochs: options.count("epochs"),
    batch: options.count("batch"),
    learningRate: learningRate!,
    warmupRatio: warmupRatio!,
    weightDecay: weightDecay!,
    seed: options.count("seed"),
  };
  try {
    await writeModel(preset, request);
    const python = options.text("python");
    if (python === "") notes.line("PyTorch is left out: name a --python that has it");
    const [ours, theirs]: [JobFound[], JobFound[]] = [[], []];
    for (let pair = 1; pair <= options.count("pairs"); pair++) {
      notes.progress(`Earshot, ${pair}`);
      ours.push(await measureByScript<JobFound>("_whole_job_process.ts", request));
      if (python === "") continue;
      notes.progress(`PyTorch, ${pair}`);
      theirs.push(await measureInProcess<JobFound>(jobCommand(python), request));
    }
    yield* rowsOf(`${preset}, ${request.epochs} epochs, ${request.threads} threads`, ours, theirs);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

const FIGURES: readonly [string, BenchRow["unit"], (found: JobFound) => number][] = [
  ["on the wall", "s", ({ wallMs }) => wallMs / 1000],
  ["processor time", "s", ({ processorMs }) => processorMs / 1000],
  ["most memory", "MB", ({ rssMb }) => rssMb],
  ["test clips named", "%", ({ accuracy }) => 100 * accuracy],
];

function* rowsOf(name: string, ours: JobFound[], theirs: JobFound[]): Generator<BenchRow> {
  for (const [what, unit, valueOf] of FIGURES) {
    const row = rowOf(`${name}: ${what}`, median(ours.map(valueOf)), unit);
    if (theirs.length === 0) {
      yield row;
      continue;
    }
    const peer = median(theirs.map(valueOf));
    yield besides(row, `PyTorch: ${peer.toPrecision(4)} ${unit}`, betterBy(row.value, peer, unit));
  }
}
