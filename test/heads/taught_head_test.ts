import { deepEqual, equal, throws } from "node:assert/strict";
import { storedHead, teachHead } from "../../src/heads/taught_head.ts";
import { buildModel, type InferenceModel } from "../../src/models/mod.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyInputs } from "../tiny_architectures.ts";

async function outputsOf(model: InferenceModel, tiny: TinyArchitecture, seed: number) {
  const inputs = tinyInputs(tiny, 1, seed);
  const batch = { inputValues: inputs.dataSync() as Float32Array, shape: inputs.shape };
  inputs.dispose();
  const [outputs] = await model.outputs(batch, { outputFeatures: true });
  return outputs!;
}

for (const [modelType, tiny] of Object.entries(TINY_ARCHITECTURES)) {
  Deno.test(`teachHead() gives ${modelType} a head that knows its examples [wasm]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const model = await buildModel(tiny.config, { seed: 3 });
    const seeds = [1, 2, 3, 4];
    const vectors: Float32Array[] = [];
    for (const seed of seeds) vectors.push((await outputsOf(model, tiny, seed)).features!);
    const labels = ["odd", "even", "odd", "even"];
    const taught = teachHead(model, { vectors, labels, l2: 0.01 });
    deepEqual(taught.labels, ["odd", "even"]);
    const head = await model.withHead(storedHead(taught, "taught"));
    for (const [i, seed] of seeds.entries()) {
      const { logits } = await outputsOf(head, tiny, seed);
      equal(head.labels[logits[0]! > logits[1]! ? 0 : 1], labels[i]);
    }
    throws(() => teachHead(model, { vectors, labels: labels.map(() => "one") }), {
      name: "RangeError",
      message: "Cannot fit a head: expected examples of two labels or more, found 1",
    });
    for (const used of [head, model]) used.dispose();
    device.dispose();
  });
}
