import { deepEqual, rejects } from "node:assert/strict";
import { memory } from "@tensorflow/tfjs-core";
import { buildModel } from "../../src/models/mod.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import { tone } from "../tiny_model.ts";

for (const [modelType, { config, clip }] of Object.entries(TINY_ARCHITECTURES)) {
  if (clip.length > 1) continue;

  Deno.test(`convFeatures() gives what logits() takes in the place of samples: ${modelType}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const model = await buildModel(config, { seed: 1 });
    const { numTensors } = memory();
    const samples = tone(300);
    const inputValues = await model.convFeatures(samples);
    const shape = [1, inputValues.length / 8, 8];
    const found = await model.logits({ inputValues, shape });
    deepEqual(found, await model.logits({ inputValues: samples, shape: [1, 300] }));
    deepEqual(memory().numTensors, numTensors);
    model.dispose();
    device.dispose();
  });
}

Deno.test("ownFrames tells how frames lie, or why clips have a part in them", async () => {
  const device = await startTestWasm({ threads: 1 });
  const found: unknown[] = [];
  for (const modelType of ["wav2vec2", "hubert", "whisper"]) {
    const model = await buildModel(TINY_ARCHITECTURES[modelType]!.config, { seed: 1 });
    found.push(model.ownFrames);
    if (modelType === "whisper") {
      await rejects(model.convFeatures(tone(300)), {
        name: "TypeError",
        message: 'Cannot convolve samples: expected a model of waveforms, found "whisper"',
      });
    }
    model.dispose();
  }
  deepEqual(found, [
    { hopSamples: 10, fieldSamples: 20 },
    "its convolutions are normalised over the whole window",
    "the model has no convolutions over samples",
  ]);
  device.dispose();
});
