/**
 * How long training waits for its data: a preset on spoken digits, epoch by epoch.
 *
 * Waiting is the time from asking for a batch until it is there, whatever was loaded ahead; the rest is the steps.
 * With one thread the device computes where clips are decoded, so there nothing can hide.
 *
 * @module
 */
import type { AudioDataset } from "../src/data/audio_dataset.ts";
import { loadTrainingSplits } from "../src/data/training_splits.ts";
import { useDevice } from "../src/devices.ts";
import { featureExtractorFromConfig } from "../src/features/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import type { Batch, BatchSource } from "../src/train/batches/batches.ts";
import { clipBatches } from "../src/train/batches/clip_batches.ts";
import { type PresetName, PRESETS } from "../src/train/options/presets.ts";
import { Trainer } from "../src/train/loop/trainer.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { fromWhereTyped, ROOT } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";

const BATCH = 32;
const SEED = 42;

/** `data-wait`. */
export const question: Question = {
  asks: "How long does training wait for its data?",
  options: {
    data: { help: "a folder of recordings", default: `${ROOT}/../shared/data/fsdd` },
    preset: { help: "tiny or small", default: "tiny" },
    epochs: { help: "epochs", default: "2" },
    threads: { help: "threads of WASM, separated by commas", default: "1,2" },
    clips: { help: "most clips", default: "1000000" },
  },
  answer,
};

/** One epoch. */
interface WaitRow {
  epoch: number;
  /** Milliseconds from the first question for a batch to the end of the last step. */
  epochMs: number;
  waitMs: number;
  /** Milliseconds of `waitMs` until the first batch is there: lengths of clips, and its decoding. */
  firstWaitMs: number;
}

/** Notes how long each batch is waited for. */
class TimedBatches implements BatchSource {
  readonly rows: WaitRow[] = [];

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
    this.rows.push({ epoch, epochMs, waitMs, firstWaitMs });
  }
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const preset = options.oneOf("preset", ["tiny", "small"]);
  const [epochs, most] = [options.count("epochs"), options.count("clips")];
  const data = fromWhereTyped(options.text("data"));
  const { splits: { train } } = await loadTrainingSplits(data);
  if (!train) throw new RangeError(`Cannot use "${data}": expected a training split, found none`);
  const stride = Math.max(1, Math.ceil(train.clips.length / most));
  const clips = train.clips.filter((_, i) => i % stride === 0);
  for (const threads of options.positives("threads")) {
    notes.progress(`${threads} threads, ${clips.length} clips`);
    const found = await measure({ ...train, clips }, { preset, epochs, threads });
    for (const { epoch, epochMs, waitMs, firstWaitMs } of found) {
      const name = `${preset}, ${clips.length} clips, ${threads} threads, epoch ${epoch + 1}`;
      yield rowOf(`${name}: whole`, epochMs, "ms");
      yield rowOf(`${name}: waited`, waitMs, "ms");
      yield rowOf(`${name}: waited for the first batch`, firstWaitMs, "ms");
    }
  }
}

async function measure(
  dataset: AudioDataset,
  { preset, epochs, threads }: { preset: PresetName; epochs: number; threads: number },
): Promise<WaitRow[]> {
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
    const run = { model, featureExtractor, args: given, trainDataset: batches };
    await new Trainer({ ...run, callbacks: [{ showsProgress: true }] }).train();
  } finally {
    await Deno.remove(outputDir, { recursive: true });
    model.dispose();
    device.dispose();
  }
  return batches.rows;
}
