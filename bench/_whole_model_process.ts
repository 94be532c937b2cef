/**
 * A model of `whole_models.ts`, measured in this process: the classifier that `predict` runs, or the steps of a
 * `Trainer`.
 *
 * Only what `mod.ts` of the requested checkout exports is used, so that any checkout can be measured; the share of the
 * peak takes a count of operations, which is this checkout's.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import type * as Earshot from "../mod.ts";
import type { AudioClassificationModel, InferenceModel } from "../src/models/mod.ts";
import { dotPeakGops, fmaPeakGflops } from "./_peaks.ts";
import { type Measured, noiseBatch, peakRssMb, readRequest, ROOT, sinceSpawn } from "./_process.ts";
import { clockOf, median, medianMsOf } from "./_timing.ts";

const request = readRequest();
const { root, task, backend, dtype, threads, batch, seconds, directory, freeze } = request;
const { rounds, clock } = request;
const now = clockOf(clock);
const {
  AutoFeatureExtractor,
  AutoModelForAudioClassification,
  pipeline,
  Trainer,
  TrainingArguments,
  useDevice,
} = await import(`file://${root}/mod.ts`) as typeof Earshot;

/** The first two steps compile and allocate. */
const WARM_UP_STEPS = 2;
/** Products of a training step, in forward passes; what stands before the first weight is left out. */
const STEP_FLOPS = 3;

type Clips = Pick<ReturnType<typeof noiseBatch>, "inputs" | "shape">;

/** Clips of noise for a rate. */
function wavesOf(samplingRate: number): Float32Array[] {
  const samples = Math.round(samplingRate * seconds);
  const { inputs } = noiseBatch([batch, samples]);
  return Array.from({ length: batch }, (_, i) => inputs.subarray(i * samples, (i + 1) * samples));
}

async function forwardMsOf(model: InferenceModel, { inputs, shape }: Clips) {
  return await medianMsOf(async () => {
    const logits = tidy(() => model.forward({ inputs: tensor(inputs, shape) }).logits);
    await logits.data();
    logits.dispose();
  }, { rounds, clock });
}

/** The share of the peak that a run with some forward passes' worth of products reaches. */
async function peakFractionOf(
  model: InferenceModel,
  { inputs, shape }: Clips,
  { passes, medianMs }: { passes: number; medianMs: number },
): Promise<number | undefined> {
  if (root !== ROOT || backend !== "wasm") return;
  const { countFlops } = await import("../src/flops.ts");
  const flops = passes *
    countFlops(() => tidy(() => void model.forward({ inputs: tensor(inputs, shape) })));
  const peak = threads * (dtype === "q8" ? dotPeakGops(clock) : fmaPeakGflops(clock));
  return flops / medianMs / 1e6 / peak;
}

async function measureInference(): Promise<Measured> {
  const device = await useDevice({ backend, threads });
  const classifier = await pipeline("audio-classification", directory);
  const loadMs = sinceSpawn(request);
  const { model, extractor } = classifier;
  const { samplingRate } = extractor;
  const clips = wavesOf(samplingRate).map((samples) => ({ samples, samplingRate }));
  await classifier(clips);
  const [firstMs, rssMb] = [sinceSpawn(request), peakRssMb()];
  const medianMs = await medianMsOf(() => classifier(clips), { rounds, clock });
  const { inputValues: inputs, shape } = extractor.extract(clips.map(({ samples }) => samples));
  const forwardMs = await forwardMsOf(model, { inputs, shape });
  const peakFraction = await peakFractionOf(model, { inputs, shape }, { passes: 1, medianMs });
  classifier.dispose();
  device.dispose();
  return { medianMs, forwardMs, loadMs, firstMs, rssMb, peakFraction };
}

async function measureTraining(): Promise<Measured> {
  const startMb = Deno.memoryUsage().rss / 1e6;
  const device = await useDevice({ backend, threads, purpose: "training" });
  const featureExtractor = await AutoFeatureExtractor.fromPretrained(directory);
  const model = await AutoModelForAudioClassification.fromPretrained(directory);
  const loadMs = sinceSpawn(request);
  const { inputValues: inputs, shape } = featureExtractor.extract(
    wavesOf(featureExtractor.samplingRate),
  );
  const labels = Int32Array.from({ length: batch }, (_, i) => i % model.labels.length);
  const steps = await timeSteps({ model, featureExtractor, clips: { inputs, shape, labels } });
  const forwardMs = await forwardMsOf(model, { inputs, shape });
  const passes = freeze === "none" ? STEP_FLOPS : 0;
  const peakFraction = await peakFractionOf(model, { inputs, shape }, { passes, ...steps });
  device.dispose();
  return { ...steps, forwardMs, loadMs, startMb, peakFraction: peakFraction || undefined };
}

/** Version 0.1.0 called back with the log alone. */
function lossOf([first, , , facts]: unknown[]): number | undefined {
  const { logs } = facts as { logs?: Earshot.LogEntry } | undefined ?? {};
  return (logs ?? first as Earshot.LogEntry).loss;
}

/** Trains on one batch, again and again. */
async function timeSteps({ model, featureExtractor, clips }: {
  model: AudioClassificationModel;
  featureExtractor: Earshot.FeatureExtractor;
  clips: Earshot.Batch;
}): Promise<Pick<Measured, "medianMs" | "firstMs" | "rssMb">> {
  const steps = rounds + WARM_UP_STEPS;
  const ends: number[] = [];
  let [firstMs, rssMb] = [0, 0];
  const outputDir = await Deno.makeTempDir({ prefix: "earshot-bench-" });
  const trainer = new Trainer({
    model,
    featureExtractor,
    args: new TrainingArguments({
      outputDir,
      maxSteps: steps,
      learningRate: 1e-4,
      weightDecay: 0.01,
      perDeviceTrainBatchSize: batch,
      freezeFeatureEncoder: freeze === "encoder",
      saveStrategy: "no",
      evalStrategy: "no",
      loggingStrategy: "steps",
      loggingSteps: 1,
    }),
    trainDataset: {
      size: batch * steps,
      batchCount: () => steps,
      async *batches() {
        for (let step = 0; step < steps; step++) yield await Promise.resolve(clips);
      },
    },
    callbacks: [{
      showsProgress: true,
      onLog: (...event: unknown[]) => {
        if (lossOf(event) === undefined) return;
        ends.push(now());
        firstMs ||= sinceSpawn(request);
        rssMb = peakRssMb();
      },
    }],
  });
  try {
    await trainer.train();
  } finally {
    await Deno.remove(outputDir, { recursive: true });
  }
  const times = ends.slice(WARM_UP_STEPS).map((end, i) => end - ends[i + WARM_UP_STEPS - 1]!);
  return { medianMs: median(times), firstMs, rssMb };
}

const measured = task === "infer" ? await measureInference() : await measureTraining();
console.log(JSON.stringify(measured));
