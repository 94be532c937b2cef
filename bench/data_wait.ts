/**
 * How long training waits for its data: the tiny preset on spoken digits, epoch by epoch.
 *
 *     deno run --allow-read --allow-write --allow-env bench/data_wait.ts [--data DIR] [--preset tiny|small] [--epochs 2]
 *       [--threads 1,2] [--clips N] [--json]
 *
 * Waiting is the time from asking for a batch until it is there, whatever was loaded ahead; the rest is the steps.
 * With one thread the device computes where clips are decoded, so there nothing can hide.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { AudioDataset } from "../src/data/audio_dataset.ts";
import { loadTrainingSplits } from "../src/data/training_splits.ts";
import { useDevice } from "../src/devices.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import type { Batch, BatchSource } from "../src/train/batches/batches.ts";
import { clipBatches } from "../src/train/batches/clip_batches.ts";
import { PRESETS } from "../src/train/options/presets.ts";
import { Trainer } from "../src/train/loop/trainer.ts";

const BATCH = 32;
const SEED = 42;

/** One epoch. */
interface WaitRow {
  preset: string;
  threads: number;
  epoch: number;
  /** Questions for a batch. */
  batches: number;
  /** Milliseconds from the first question for a batch to the end of the last step. */
  epochMs: number;
  waitMs: number;
  /** Milliseconds of `waitMs` until the first batch is there: lengths of clips, and its decoding. */
  firstWaitMs: number;
  waitFraction: number;
}

/** Notes how long each batch is waited for. */
class TimedBatches implements BatchSource {
  readonly rows: Omit<WaitRow, "preset" | "threads">[] = [];

  constructor(readonly source: BatchSource) {}

  get size(): number {
    return this.source.size;
  }

  batchCount(batchSize: number): number {
    return this.source.batchCount(batchSize);
  }

  async *batches(epoch: number, options: { batchSize: number }): AsyncGenerator<Batch> {
    const start = performance.now();
    const waits: number[] = [];
    const batches = this.source.batches(epoch, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const asked = performance.now();
        const { value, done } = await batches.next();
        waits.push(performance.now() - asked);
        if (done) break;
        yield value;
      }
    } finally {
      await batches.return?.();
      this.#note(epoch, waits, performance.now() - start);
    }
  }

  #note(epoch: number, waits: number[], epochMs: number): void {
    const waitMs = waits.reduce((a, b) => a + b, 0);
    const firstWaitMs = waits[0] ?? 0;
    const waitFraction = waitMs / epochMs;
    this.rows.push({ epoch, batches: waits.length, epochMs, waitMs, firstWaitMs, waitFraction });
  }
}

async function measure(dataset: AudioDataset, threads: number): Promise<WaitRow[]> {
  const { config, preprocessor, args } = PRESETS[preset];
  const device = await useDevice({ backend: "wasm", threads, purpose: "training" });
  const model = await buildModel(config, { labels: dataset.labels, seed: SEED });
  const featureExtractor = featureExtractorFromConfig(preprocessor);
  const outputDir = await Deno.makeTempDir({ prefix: "earshot-bench-" });
  const given = new TrainingArguments({
    ...args,
    outputDir,
    perDeviceTrainBatchSize: BATCH,
    numTrainEpochs: epochs,
    loadBestModelAtEnd: false,
    saveStrategy: "no",
    evalStrategy: "no",
    seed: SEED,
  });
  const { augmentSpeed } = given;
  const batches = new TimedBatches(
    clipBatches(dataset, model, featureExtractor, { seed: SEED, augmentSpeed }),
  );
  try {
    await new Trainer({ model, featureExtractor, args: given, trainDataset: batches }).train();
  } finally {
    await Deno.remove(outputDir, { recursive: true });
    model.dispose();
    device.dispose();
  }
  return batches.rows.map((row) => ({ preset, threads, ...row }));
}

function show({ threads, epoch, batches, epochMs, waitMs, firstWaitMs, waitFraction }: WaitRow) {
  const cells = [
    `${threads}`,
    `${epoch + 1}`,
    `${batches}`,
    epochMs.toFixed(0),
    waitMs.toFixed(1),
    firstWaitMs.toFixed(1),
    `${(100 * waitFraction).toFixed(2)} %`,
  ];
  return `| ${cells.join(" | ")} |`;
}

const { values } = parseArgs({
  options: {
    data: { type: "string", default: `${import.meta.dirname}/../../shared/data/fsdd` },
    preset: { type: "string", default: "tiny" },
    epochs: { type: "string", default: "2" },
    threads: { type: "string", default: "1,2" },
    clips: { type: "string", default: "Infinity" },
    json: { type: "boolean", default: false },
  },
});
const preset = values.preset === "small" ? "small" : "tiny";
const epochs = Number(values.epochs);
const { splits: { train } } = await loadTrainingSplits(values.data);
if (!train) throw new RangeError(`Cannot use "${values.data}": expected a training split`);
const stride = Math.max(1, Math.ceil(train.clips.length / Number(values.clips)));
const clips = train.clips.filter((_, i) => i % stride === 0);
const rows: WaitRow[] = [];
if (!values.json) {
  console.log("| threads | epoch | batches | epoch ms | waited ms | for the first | share |");
  console.log("| ------: | ----: | ------: | -------: | --------: | ------------: | ----: |");
}
for (const threads of values.threads.split(",").map(Number)) {
  const found = await measure({ ...train, clips }, threads);
  rows.push(...found);
  if (!values.json) console.log(found.map(show).join("\n"));
}
if (values.json) console.log(JSON.stringify(rows));
