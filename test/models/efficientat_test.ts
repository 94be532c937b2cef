import assert from "node:assert/strict";
import type { tensor } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../src/errors.ts";
import { directoryFiles } from "../../src/files.ts";
import { buildModel, type InferenceModel, Noise } from "../../src/models/mod.ts";
import { loadModel } from "../../src/pretrained.ts";
import { streamSafetensors } from "../../src/weights/safetensors_writer.ts";
import { assertAllClose } from "../compare.ts";
import { deviceTest } from "../devices.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";
import { noiseInputs, scoresOf, withModel } from "./_architecture_case.ts";

const DIRECTORY = `${GOLDEN_DIR}/efficientat`;
const TINY = { model_type: "efficientat", width_mult: 0.05, input_dim_f: 20, num_classes: 3 };

deviceTest("EfficientAT is saved as it was loaded, byte for byte", async () => {
  const model = await loadModel(directoryFiles(DIRECTORY));
  const chunks: BlobPart[] = [];
  for await (const chunk of streamSafetensors(model.tensors()).chunks()) chunks.push(chunk.slice());
  model.dispose();
  const saved = new Uint8Array(await new Blob(chunks).arrayBuffer());
  assert.deepEqual(saved, await Deno.readFile(`${DIRECTORY}/model.safetensors`));
});

async function numbersOf(model: InferenceModel): Promise<number[]> {
  const [scores] = await model.logits({
    inputValues: noiseInputs(1, 30, 20).dataSync() as Float32Array,
    shape: [1, 30, 20],
  });
  return [...scores!];
}

deviceTest("EfficientAT that will not change has its norms in its convolutions", async () => {
  const model = await loadModel(directoryFiles(DIRECTORY));
  const expected = await numbersOf(model);
  const folded = await model.prepare();
  assertAllClose(await numbersOf(folded), expected, { atol: 1e-4 });
  const values = async (name: string) => {
    return [...await (folded.weights.get(name) as ReturnType<typeof tensor>).data()];
  };
  assert.ok((await values("features.3.block.1.1.weight")).every((gain) => gain === 1));
  assert.ok((await values("features.3.block.1.1.running_mean")).every((mean) => mean === 0));
  assert.ok((await values("features.3.block.1.1.bias")).some((bias) => bias !== 0));
  // The model itself is as it was.
  assert.deepEqual(await numbersOf(model), expected);
  const rounded = await model.prepare("int8");
  assertAllClose(await numbersOf(rounded), expected, { atol: 0.5 });
  for (const each of [model, folded, rounded]) each.dispose();
});

Deno.test("EfficientAT gives a state for each of its seventeen layers, band by band", async () => {
  await withModel(TINY, async (model) => {
    const batch = { inputValues: new Float32Array(40 * 20), shape: [1, 40, 20] };
    const embed = async (layer: number) => {
      const asked = { layer, pooling: "frames", samplingRate: 32_000 } as const;
      return (await model.embed(batch, asked))[0]!;
    };
    const [first, last] = [await embed(0), await embed(16)];
    assert.deepEqual([first.size, first.values.length], [8, 8 * 10 * 20]);
    assert.deepEqual(first.times!.slice(0, 3), Float64Array.of(0, 0.02, 0.04));
    assert.equal(first.times![20], 0);
    // Five halvings: 20 bands are 1, 40 frames 2.
    assert.deepEqual([last.size, last.values.length], [48, 96]);
    assert.deepEqual([...last.times!], [0, 0.32]);
    assert.equal(model.frames(39 * 320 + 1), 2);
    await assert.rejects(embed(17), RangeError);
  });
});

Deno.test("EfficientAT freezes its first layers by their numbers", async () => {
  await withModel(TINY, (model) => {
    model.freezeLayers(16);
    const free = [...model.trainable().keys()];
    assert.deepEqual(free.filter((name) => !name.startsWith("classifier.")), [
      ...["features.16.1.weight", "features.16.1.bias", "features.16.0.weight"],
    ]);
    assert.equal(free.length, 7);
    assert.throws(() => model.freezeLayers(18), RangeError);
  });
});

Deno.test("EfficientAT has no attention that a change of low rank could change", async () => {
  await withModel(TINY, (model) => {
    assert.throws(() => model.addLora({ rank: 2 }), {
      name: "RangeError",
      message:
        'Cannot adapt layers "q_proj" of a model of type "efficientat": expected a model with attention',
    });
  });
});

Deno.test("EfficientAT moves its running statistics by a hundredth in a step of training", async () => {
  await withModel(TINY, async (model) => {
    const name = "features.0.1.running_var";
    const before = [...await model.parameters.get(name)!.data()];
    const evaluated = scoresOf(model, noiseInputs(2, 30, 20));
    const { logits } = model.forward({ inputs: noiseInputs(2, 30, 20) }, { noise: new Noise(1) });
    const after = [...await model.parameters.get(name)!.data()];
    assert.ok(after.every((variance, i) => variance !== before[i] && variance > 0.99));
    assert.notDeepEqual([...await logits.data()], [...evaluated]);
  });
});

Deno.test("EfficientAT refuses what its reference cannot run, what is not here, and other bands", async () => {
  const refuses = (fields: Record<string, unknown>, message: RegExp) =>
    assert.rejects(buildModel({ ...TINY, ...fields }), (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.match(error.message, message);
      return true;
    });
  await refuses({ se_dims: "cf" }, /field "se_dims" of "config.json": expected one of c, none/);
  await refuses({ head_type: "fully_convolutional" }, /"head_type" .*: expected one of mlp, found/);
  await refuses({ dilated: true }, /"dilated" of "config.json": expected false, found true$/);
  await refuses({ strides: [2, 2] }, /"strides" of "config.json": expected 4 integers/);
  await withModel(TINY, (model) => {
    assert.throws(
      () => model.forward({ inputs: noiseInputs(1, 30, 16) }),
      /^ShapeError: Cannot classify a spectrogram: expected shape \[clips,frames,20\], found \[1,30,16\]$/,
    );
  });
});

Deno.test("EfficientAT tags AudioSet's classes where its config names none", async () => {
  await withModel({ model_type: "efficientat", width_mult: 0.01 }, (model) => {
    assert.equal(model.labels.length, 527);
    assert.equal(model.problemType, "multi_label_classification");
  });
});
