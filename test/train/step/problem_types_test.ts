import { deepEqual, equal, ok } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import type { ProblemType } from "../../../src/models/problem_type.ts";
import type { Batch, BatchSource } from "../../../src/train/batches/batches.ts";
import { evaluateModel } from "../../../src/train/metrics/evaluation.ts";
import { meanLoss } from "../../../src/train/step/loss.ts";
import { AdamW } from "../../../src/train/step/optimizer.ts";
import { disposeGradients, lossAndGradients } from "../../../src/train/step/step.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_CONFIG, tone } from "../../tiny_model.ts";

/** Four clips in two batches, in another order than that of the data; each label says something of its pitch. */
const LABELS: Record<ProblemType, (pitch: number) => number[]> = {
  single_label_classification: (pitch) => [pitch % 2],
  multi_label_classification: (pitch) => [pitch > 1 ? 1 : 0, pitch % 2],
  regression: (pitch) => [pitch / 2, -1],
};
const ORDER = [[2, 0], [3, 1]];
const SAMPLES = 400;

function batchesOf(problemType: ProblemType): Batch[] {
  return ORDER.map((places) => {
    const labels = places.flatMap((place) => LABELS[problemType](place));
    const clips = places.flatMap((place) => [...tone(SAMPLES, 1 + place)]);
    return {
      inputs: Float32Array.from(clips),
      shape: [2, SAMPLES],
      labels: problemType === "single_label_classification"
        ? Int32Array.from(labels)
        : Float32Array.from(labels),
      indices: places,
    };
  });
}

function sourceOf(batches: Batch[]): BatchSource {
  return {
    size: 4,
    batchCount: () => batches.length,
    async *batches() {
      yield* batches;
    },
  };
}

function trainStep(model: AudioClassificationModel, batches: Batch[], optimizer: AdamW): number {
  const result = lossAndGradients(model, batches);
  const rates = { adamBeta1: 0.9, adamBeta2: 0.999, adamEpsilon: 1e-8, weightDecay: 0 };
  optimizer.step(result.gradients, { ...rates, learningRate: 0.01, maxGradNorm: 1 }).dispose();
  const [loss] = result.loss.dataSync();
  disposeGradients(result);
  return loss!;
}

const TYPES = Object.keys(LABELS) as ProblemType[];

for (const problemType of TYPES) {
  Deno.test(`training on ${problemType} lowers the loss that evaluation gives`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const batches = batchesOf(problemType);
    const model = await buildModel(TINY_CONFIG, { labels: ["a", "b"], problemType });
    const before = await evaluateModel(model, sourceOf(batches), { batchSize: 2 });
    deepEqual([...before.labels], [0, 1, 2, 3].flatMap(LABELS[problemType]).map(Math.fround));
    equal(before.loss, meanLoss(before, problemType));
    const optimizer = new AdamW(model.trainable());
    const first = trainStep(model, batches, optimizer);
    ok(Math.abs(first - before.loss) < 1e-5, `trained on ${first}, evaluated ${before.loss}`);
    const tensors = memory().numTensors;
    for (let step = 0; step < 15; step++) trainStep(model, batches, optimizer);
    equal(memory().numTensors, tensors);
    const after = await evaluateModel(model, sourceOf(batches), { batchSize: 2 });
    ok(after.loss < before.loss / 2, `from ${before.loss} to ${after.loss}`);
    optimizer.dispose();
    model.dispose();
    device.dispose();
  });
}
