import { deepEqual, equal, ok } from "node:assert/strict";
import { engine, tensor, tidy } from "@tensorflow/tfjs-core";
import { deviceTest, startTestWasm } from "../devices.ts";
import { assertAllClose } from "../compare.ts";
import { isPacked } from "../../src/kernels.ts";
import {
  type AudioClassificationModel,
  buildModel,
  type InferenceModel,
} from "../../src/models/mod.ts";
import { TINY_ARCHITECTURES, tinyInputs } from "../tiny_architectures.ts";
import { tinyModel, tone } from "../tiny_model.ts";

const SAMPLES = 900;

function logits(model: InferenceModel): Promise<Float32Array> {
  const y = tidy(() => model.forward({ inputs: tensor(tone(SAMPLES), [1, SAMPLES]) }).logits);
  return y.data().finally(() => y.dispose()) as Promise<Float32Array>;
}

/** Equal but for the rounding of other kernels. */
function assertSame(actual: Float32Array, expected: Float32Array): void {
  const [found, wanted] = [actual, expected].map((x) => ({
    shape: [x.length],
    values: Float64Array.from(x),
  }));
  assertAllClose(found!, wanted!, { atol: 1e-6, rtol: 1e-6 });
}

/** The bytes of all parameters by name. */
async function bytesOf(model: AudioClassificationModel): Promise<Map<string, Uint8Array>> {
  const bytes = new Map<string, Uint8Array>();
  for (const [name, parameter] of model.parameters) {
    const { buffer, byteOffset, byteLength } = await parameter.data();
    bytes.set(name, new Uint8Array(buffer, byteOffset, byteLength).slice());
  }
  return bytes;
}

deviceTest("prepare() changes no score, and keeps no tensor", async () => {
  const model = await tinyModel();
  const expected = await logits(model);
  const before = engine().memory().numTensors;
  const prepared = await model.prepare();
  const held = engine().memory().numTensors;
  for (let call = 0; call < 3; call++) assertSame(await logits(prepared), expected);
  equal(engine().memory().numTensors, held);
  deepEqual(await logits(prepared), await logits(prepared));
  prepared.dispose();
  equal(engine().memory().numTensors, before);
  model.dispose();
});

Deno.test("classifying changes no weight of any architecture, to the byte [wasm]", async (t) => {
  const device = await startTestWasm({ threads: 1 });
  for (const [modelType, tiny] of Object.entries(TINY_ARCHITECTURES)) {
    await t.step(modelType, async () => {
      const model = await buildModel(tiny.config);
      const before = await bytesOf(model);
      const prepared = await model.prepare();
      for (const answering of [model, prepared, prepared]) {
        tidy(() => answering.forward({ inputs: tinyInputs(tiny, 2) }).logits.dataSync());
      }
      deepEqual(await bytesOf(model), before);
      prepared.dispose();
      model.dispose();
    });
  }
  device.dispose();
});

deviceTest("what was prepared does not change with the model", async () => {
  const model = await tinyModel();
  const prepared = await model.prepare();
  const expected = await logits(prepared);
  for (const parameter of model.parameters.values()) {
    if (parameter.dtype !== "float32") continue;
    const changed = tensor(new Float32Array(parameter.size).fill(0.1), parameter.shape);
    parameter.assign(changed);
    changed.dispose();
  }
  deepEqual(await logits(prepared), expected);
  model.dispose();
  deepEqual(await logits(prepared), expected);
  prepared.dispose();
});

Deno.test("prepare() lays out what linear layers and convolutions use [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const model = await tinyModel();
  const asked: string[] = [];
  const prepared = await model.prepare((name) => {
    asked.push(name);
    return "float32";
  });
  for (
    const name of [
      "classifier.weight",
      "wav2vec2.feature_extractor.conv_layers.1.conv.weight",
      "wav2vec2.encoder.layers.0.attention.q_proj.weight",
      "wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original1",
    ]
  ) {
    const weight = prepared.weights.get(name)!;
    equal(isPacked(weight) && weight.layout.form, "panels", name);
  }
  ok(asked.includes("classifier.weight") && !asked.includes("classifier.bias"));
  deepEqual([...prepared.weights.keys()].sort(), [...model.parameters.keys()].sort());
  equal(prepared.parameterCount, model.parameterCount);
  prepared.dispose();
  model.dispose();
  device.dispose();
});
