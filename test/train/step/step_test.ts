import assert from "node:assert/strict";
import { engine, type Tensor } from "@tensorflow/tfjs-core";
import { Noise } from "../../../src/layers/noise.ts";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import type { Batch } from "../../../src/train/batches/batches.ts";
import {
  disposeGradients,
  lossAndGradients,
  type StepOptions,
} from "../../../src/train/step/step.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import { TINY_CONFIG, TINY_LABELS, tone } from "../../tiny_model.ts";

const SAMPLES = 500;

function batchOf(...labels: number[]): Batch {
  return {
    inputs: Float32Array.from(labels.flatMap((label) => [...tone(SAMPLES, 1 + label)])),
    shape: [labels.length, SAMPLES],
    labels: Int32Array.from(labels),
  };
}

interface HostResult {
  loss: number;
  gradients: Map<string, Float32Array>;
}

/** Loss and gradients in host memory. */
async function resultOf(
  model: AudioClassificationModel,
  batches: Batch[],
  options?: StepOptions,
): Promise<HostResult> {
  const result = lossAndGradients(model, batches, options);
  const gradients = new Map<string, Float32Array>();
  for (const [name, tensor] of result.gradients) gradients.set(name, await valuesOf(tensor));
  const [loss] = await valuesOf(result.loss);
  disposeGradients(result);
  return { loss: loss!, gradients };
}

async function valuesOf(tensor: Tensor): Promise<Float32Array> {
  return await tensor.data() as Float32Array;
}

deviceTest("lossAndGradients() of uneven batches is that of all their clips at once", async () => {
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const whole = await resultOf(model, [batchOf(0, 1, 2, 3, 4)]);
  const parts = await resultOf(model, [batchOf(0, 1), batchOf(2, 3), batchOf(4)]);
  assertAllClose([parts.loss], [whole.loss], { atol: 1e-5 });
  assert.deepEqual([...parts.gradients.keys()], [...whole.gradients.keys()]);
  for (const [name, gradient] of whole.gradients) {
    const largest = gradient.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
    const atol = 1e-4 * largest + 1e-7;
    assertAllClose(parts.gradients.get(name)!, gradient, { atol, label: name });
  }
  model.dispose();
});

deviceTest("lossAndGradients() leaves nothing behind, accumulated and with noise", async () => {
  const model = await buildModel({ ...TINY_CONFIG, layerdrop: 0.5 }, { seed: 1 });
  const noise = new Noise(3);
  const before = engine().memory().numTensors;
  for (let i = 0; i < 4; i++) {
    disposeGradients(lossAndGradients(model, [batchOf(0, 1), batchOf(2)], { noise }));
    assert.equal(engine().memory().numTensors, before);
  }
  model.dispose();
});

deviceTest("lossAndGradients() draws the same noise from the same seed", async () => {
  const config = { ...TINY_CONFIG, layerdrop: 0.3, mask_feature_prob: 0.3 };
  const model = await buildModel(config, { seed: 1 });
  const run = (seed: number) => resultOf(model, [batchOf(0, 1)], { noise: new Noise(seed) });
  assert.deepEqual(await run(5), await run(5));
  assert.notEqual((await run(5)).loss, (await run(6)).loss);
  model.dispose();
});

deviceTest("lossAndGradients() gives gradients of what is trained and takes part", async () => {
  const model = await buildModel({ ...TINY_CONFIG, layerdrop: 1 }, { seed: 1 });
  model.freezeFeatureEncoder();
  const evaluated = await resultOf(model, [batchOf(0, 1)]);
  const expected = [...model.parameters.keys()].filter((name) =>
    !name.startsWith("wav2vec2.feature_extractor.") && name !== "wav2vec2.masked_spec_embed"
  );
  assert.deepEqual([...evaluated.gradients.keys()].sort(), expected.sort());
  const trained = await resultOf(model, [batchOf(0, 1)], { noise: new Noise(1) });
  const names = [...trained.gradients.keys()];
  assert.ok(!names.some((name) => name.includes(".encoder.layers.")), `dropped: ${names}`);
  assert.ok(names.includes("wav2vec2.masked_spec_embed"));
  model.dispose();
});

deviceTest("lossAndGradients() smooths labels as PyTorch defines it", async () => {
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const batch = batchOf(0, 3);
  const plain = await resultOf(model, [batch]);
  const others: number[] = [];
  for (const label of TINY_LABELS.keys()) {
    others.push((await resultOf(model, [{ ...batch, labels: Int32Array.of(label, label) }])).loss);
  }
  const even = others.reduce((a, b) => a + b) / others.length;
  const smoothed = await resultOf(model, [batch], { labelSmoothing: 0.2 });
  assertAllClose([smoothed.loss], [0.8 * plain.loss + 0.2 * even], { atol: 1e-5 });
  model.dispose();
});

deviceTest("lossAndGradients() of mixed clips weighs the losses of both labels", async () => {
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const [own, others] = [batchOf(0, 3), { ...batchOf(0, 3), labels: Int32Array.of(3, 2) }];
  const mixed = { share: 0.7, labels: others.labels, indices: [1, 0] };
  for (const options of [{}, { focus: 2 }, { classWeights: [1, 2, 3, 4, 5] }]) {
    const [first, second] = [
      await resultOf(model, [own], options),
      await resultOf(model, [others], options),
    ];
    const both = await resultOf(model, [{ ...own, mixed }], options);
    // Weights that the classes have: 1 + 4 of the clips' own, 4 + 3 of the others'.
    const [a, b] = options.classWeights ? [5 * 0.7, 7 * 0.3] : [0.7, 0.3];
    assertAllClose([both.loss], [(a * first.loss + b * second.loss) / (a + b)], { atol: 1e-5 });
    const name = "classifier.bias";
    const wanted = first.gradients.get(name)!.map((slope, i) =>
      (a * slope + b * second.gradients.get(name)![i]!) / (a + b)
    );
    assertAllClose(both.gradients.get(name)!, wanted, { atol: 1e-5 });
  }
  model.dispose();
});
