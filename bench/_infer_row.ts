/**
 * A row of `infer.ts`, measured in this process: the classifier that `predict` runs, from samples to scores.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { pipeline } from "../src/classify/pipeline.ts";
import { useDevice } from "../src/devices.ts";
import { countFlops } from "../src/flops.ts";
import { noiseBatch } from "./_noise.ts";
import type { MeasuredRates } from "./_rows.ts";
import { medianMsOf, peakRssMb, readRequest, shareOfPeak, sinceSpawn } from "./_timing.ts";

const request = readRequest();
const { backend, threads, batch, seconds, rounds, directory } = request;
const device = await useDevice({ backend, threads });
const classifier = await pipeline("audio-classification", directory);
const { model, extractor } = classifier;
const loadMs = sinceSpawn(request);
const { samplingRate } = extractor;
const samples = Math.round(samplingRate * seconds);
const { inputs: noise } = noiseBatch([batch, samples]);
const clips = Array.from(
  { length: batch },
  (_, i) => ({ samples: noise.subarray(i * samples, (i + 1) * samples), samplingRate }),
);
await classifier(clips);
const firstMs = sinceSpawn(request);
const rssMb = peakRssMb();
await classifier(clips);
const medianMs = await medianMsOf(rounds, () => classifier(clips));

const { inputValues, shape } = extractor.extract(clips.map((clip) => clip.samples));
const forward = () => tidy(() => model.forward({ inputs: tensor(inputValues, shape) }).logits);
const forwardMs = await medianMsOf(rounds, async () => {
  const logits = forward();
  await logits.data();
  logits.dispose();
});
const gflops = await countFlops(() => forward().dispose()) / medianMs / 1e6;
const peakFraction = shareOfPeak(gflops, request);
classifier.dispose();
device.dispose();
const found: MeasuredRates = {
  ...{ medianMs, forwardMs, gflops, peakFraction, loadMs, firstMs, rssMb },
};
console.log(JSON.stringify(found));
