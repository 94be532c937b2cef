import { deepEqual, ok } from "node:assert/strict";
import { tensor, valueAndGrads } from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import { attention, dropout, linear } from "../../src/kernels.ts";
import { buildModel, Noise } from "../../src/models/mod.ts";
import { lossAndGradients } from "../../src/train/step/step.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_SPEECH } from "./_architecture_case.ts";

Deno.test("a dropout of 1 leaves zeros, and the residual", async () => {
  const device = await startTestWasm({ threads: 1 });
  const x = tensor([1, -2, 3, 4], [1, 2, 2]);
  const all = { rate: 1, seed: 7 };
  deepEqual([...dropout(x, all).dataSync()].map(Math.abs), [0, 0, 0, 0]);
  deepEqual([...dropout(x, all, x).dataSync()], [1, -2, 3, 4]);
  const weight = tensor([1, 0, 0, 1], [2, 2]);
  const mapped = linear(x, weight, { dropout: all, activation: "gelu", residual: x });
  deepEqual([...mapped.dataSync()], [1, -2, 3, 4]);
  const body = (q: typeof x) => attention(q, x, x, { heads: 1, dropoutRate: 1 });
  const { value, grads } = valueAndGrads((q) => body(q as typeof x))([x], x);
  deepEqual([...value.dataSync(), ...grads[0]!.dataSync()].map(Math.abs), Array(8).fill(0));
  device.dispose();
});

Deno.test("a model with dropouts of 1 is trained, as in the reference", async () => {
  const device = await startTestWasm({ threads: 1 });
  const rates = { hidden_dropout: 1, attention_dropout: 1, activation_dropout: 1 };
  const model = await buildModel({
    ...TINY_SPEECH,
    ...rates,
    model_type: "wav2vec2",
    layerdrop: 0,
  });
  const inputs = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i * i));
  const batch = { inputs, shape: [1, 100], labels: Int32Array.of(1) };
  const { loss, gradients } = lossAndGradients(model, [batch], { noise: new Noise(1) });
  ok(Number.isFinite(loss.dataSync()[0]));
  for (const [name, gradient] of gradients) ok(gradient.dataSync().every(Number.isFinite), name);
  model.dispose();
  device.dispose();
});

Deno.test("a clip without a frame in a batch is named", async () => {
  const device = await startTestWasm({ threads: 1 });
  const model = await buildModel({ ...TINY_SPEECH, model_type: "wav2vec2" });
  const forward = () =>
    model.forward({
      inputs: tensor(new Float32Array(300), [3, 100]),
      lengths: Int32Array.of(100, 19, 50),
    });
  let message = "";
  try {
    forward();
  } catch (error) {
    message = String(error);
  }
  deepEqual(
    message,
    "RangeError: Cannot classify clip 2 of 3: expected at least 20 samples, found 19",
  );
  model.dispose();
  device.dispose();
});
