/**
 * A row of `infer.ts`, measured in this process: the classifier that `predict` runs, from samples to scores.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { useDevice } from "../src/devices.ts";
import { countFlops } from "../src/flops.ts";
import { timeClassifier } from "./_classifier_run.ts";
import type { MeasuredRates } from "./_rows.ts";
import { medianMsOf, readRequest, shareOfPeak } from "./_timing.ts";

const request = readRequest();
const { backend, threads, rounds } = request;
const device = await useDevice({ backend, threads });
const run = await timeClassifier(request);
const { model, inputValues, shape } = run;

const forward = () => tidy(() => model.forward({ inputs: tensor(inputValues, shape) }).logits);
const forwardMs = await medianMsOf(rounds, async () => {
  const logits = forward();
  await logits.data();
  logits.dispose();
});
const gflops = await countFlops(() => forward().dispose()) / run.found.medianMs / 1e6;
const peakFraction = shareOfPeak(gflops, request);
run.dispose();
device.dispose();
const found: MeasuredRates = { ...run.found, forwardMs, gflops, peakFraction };
console.log(JSON.stringify(found));
