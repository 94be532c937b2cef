/**
 * A row of `train.ts`, measured in this process: the steps of a `Trainer`, the loss read back after each.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { useDevice } from "../src/devices.ts";
import { countFlops } from "../src/flops.ts";
import { Noise } from "../src/layers/noise.ts";
import { AutoFeatureExtractor, AutoModelForAudioClassification } from "../src/pretrained.ts";
import { TrainingArguments } from "../src/train/options/arguments.ts";
import { disposeGradients, lossAndGradients } from "../src/train/step/step.ts";
import { Trainer } from "../src/train/loop/trainer.ts";
import { countGradientFlops } from "./_gradient_flops.ts";
import { noiseBatch } from "./_noise.ts";
import type { MeasuredRates } from "./_rows.ts";
import { median, medianMsOf, peakRssMb, readRequest, shareOfPeak, sinceSpawn } from "./_timing.ts";

/** The first two steps compile and allocate. */
const WARM_UP = 2;

const request = readRequest();
const { backend, threads, batch, seconds, rounds, directory, freeze } = request;
const device = await useDevice({ backend, threads, purpose: "training" });
const featureExtractor = await AutoFeatureExtractor.fromPretrained(directory);
const model = await AutoModelForAudioClassification.fromPretrained(directory);
const loadMs = sinceSpawn(request);
const samples = Math.round(featureExtractor.samplingRate * seconds);
const noise = noiseBatch([batch, samples]);
const waves = Array.from(
  { length: batch },
  (_, i) => noise.inputs.subarray(i * samples, (i + 1) * samples),
);
const { inputValues: inputs, shape } = featureExtractor.extract(waves);
const labels = noise.labels.map((label) => label % model.labels.length) as Int32Array;
const clips = { inputs, shape, labels };

const steps = rounds + WARM_UP;
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
    onLog: ({ loss }) => {
      if (loss === undefined) return;
      ends.push(performance.now());
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
const medianMs = median(
  ends.slice(WARM_UP).map((end, i) => end - ends[i + WARM_UP - 1]!),
);
const forwardMs = await medianMsOf(rounds, async () => {
  const logits = tidy(() => model.forward({ inputs: tensor(inputs, shape) }).logits);
  await logits.data();
  logits.dispose();
});
const step = () => disposeGradients(lossAndGradients(model, [clips], { noise: new Noise(1) }));
const flops = await countFlops(step) + await countGradientFlops(step);
const gflops = flops / medianMs / 1e6;
const peakFraction = shareOfPeak(gflops, request);
device.dispose();
const found: MeasuredRates = {
  ...{ medianMs, forwardMs, gflops, peakFraction, loadMs, firstMs, rssMb },
};
console.log(JSON.stringify(found));
