import { deepEqual, equal, ok } from "node:assert/strict";
import { engine, tensor, tidy } from "@tensorflow/tfjs-core";
import { deviceTest, startTestWasm } from "../devices.ts";
import { assertAllClose } from "../compare.ts";
import { heldWeight } from "../../src/kernels.ts";
import type { AudioClassificationModel } from "../../src/models/mod.ts";
import { tinyModel, tone } from "../tiny_model.ts";

const SAMPLES = 900;

function logits(model: AudioClassificationModel): Promise<Float32Array> {
  const y = tidy(() => model.forward({ inputs: tensor(tone(SAMPLES), [1, SAMPLES]) }).logits);
  return y.data().finally(() => y.dispose()) as Promise<Float32Array>;
}

/** Equal but for the rounding of a weight that is normalised twice. */
function assertSame(actual: Float32Array, expected: Float32Array): void {
  const [found, wanted] = [actual, expected].map((x) => ({
    shape: [x.length],
    values: Float64Array.from(x),
  }));
  assertAllClose(found!, wanted!, { atol: 1e-6, rtol: 1e-6 });
}

deviceTest("prepareWeights() changes no score, and keeps no tensor", async () => {
  const model = await tinyModel();
  const expected = await logits(model);
  const before = engine().memory().numTensors;
  model.prepareWeights();
  for (let call = 0; call < 3; call++) assertSame(await logits(model), expected);
  equal(engine().memory().numTensors, before);
  const again = await logits(model);
  deepEqual(await logits(model), again);
  model.dispose();
});

deviceTest("a prepared model is saved as it was", async () => {
  const model = await tinyModel();
  const before = new Map<string, unknown>();
  for (const { name, values } of model.tensors()) before.set(name, await values());
  const expected = await logits(model);
  model.prepareWeights();
  await logits(model);
  for (const { name, values } of model.tensors()) {
    // A direction takes the length that its gain says: another spelling of the same weight.
    const isDirection = name.endsWith("parametrizations.weight.original1");
    if (!isDirection) deepEqual(await values(), before.get(name), name);
  }
  assertSame(await logits(model), expected);
  model.dispose();
});

Deno.test("prepareWeights() lays out what linear layers and convolutions use [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const model = await tinyModel();
  const asked: string[] = [];
  model.prepareWeights((name) => {
    asked.push(name);
    return "float32";
  });
  await logits(model);
  const formOf = (name: string) => heldWeight(model.parameters.get(name)!).form;
  equal(formOf("classifier.weight"), "panels");
  equal(formOf("wav2vec2.feature_extractor.conv_layers.1.conv.weight"), "panels");
  equal(formOf("wav2vec2.encoder.layers.0.attention.q_proj.weight"), "panels");
  ok(asked.includes("classifier.weight") && !asked.includes("classifier.bias"));
  model.dispose();
  device.dispose();
});
