/** Heads that are computed together say to the bit what each says alone. */
import { deepEqual, equal } from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { storedHead } from "../../src/heads/taught_head.ts";
import {
  buildInferenceModel,
  buildModel,
  type ClipOutputs,
  type InferenceModel,
  type JsonObject,
  type ModelBatch,
} from "../../src/models/mod.ts";
import { Random } from "../../src/random.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES, tinyInputs } from "../tiny_architectures.ts";

/** A head of random numbers, but for a norm's, on a backbone. */
async function randomHead(
  backbone: InferenceModel,
  config: JsonObject,
  { classes, seed, gain = 1 }: { classes: number; seed: number; gain?: number },
): Promise<InferenceModel> {
  const random = new Random(seed);
  const labels = Array.from({ length: classes }, (_, i) => `${i}`);
  const whole = await buildModel(config, { labels, seed });
  const ofHead = [...whole.parameters].filter(([name]) => !whole.isOfBase(name));
  const tensors = ofHead.map(([name, { shape, size }]) => ({
    name,
    shape,
    values: Float32Array.from(
      { length: size },
      () => /layernorm|outputlayer\.0/.test(name) ? gain : random.normal(),
    ),
  }));
  const json = whole.toConfig();
  whole.dispose();
  return await backbone.withHead(storedHead({ json, tensors }, `head ${seed}`));
}

async function together(
  backbone: InferenceModel,
  heads: InferenceModel[],
  batch: ModelBatch,
): Promise<{ rows: ClipOutputs[][]; groups: number[] }> {
  const held = engine().memory().numTensors;
  const plan = backbone.joinHeads(heads);
  const rows = (await backbone.headOutputs(batch, plan)).map((row) => plan.parted(row));
  for (const group of plan.groups) group.dispose();
  equal(engine().memory().numTensors, held);
  return { rows, groups: plan.groups.map(({ members }) => members.length) };
}

async function alone(heads: InferenceModel[], batch: ModelBatch): Promise<ClipOutputs[][]> {
  const ofHeads: ClipOutputs[][] = [];
  for (const head of heads) ofHeads.push(await head.outputs(batch, { outputFeatures: true }));
  return ofHeads[0]!.map((_, clip) => ofHeads.map((rows) => rows[clip]!));
}

for (const [name, tiny] of Object.entries(TINY_ARCHITECTURES)) {
  Deno.test(`joined heads of ${name} answer as each alone, to the bit [wasm]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const backbone = await buildInferenceModel(tiny.config, { seed: 3 });
    const plain: JsonObject = { ...tiny.config, use_weighted_layer_sum: false };
    const weighted: JsonObject = { ...plain, use_weighted_layer_sum: true };
    const narrow: JsonObject = { ...plain, classifier_proj_size: 5 };
    const kinds: [JsonObject, number][] = [
      [plain, 3],
      [plain, 17],
      [weighted, 3],
      [plain, 3],
      [plain, 17],
      [plain, 3],
      [narrow, 3],
    ];
    const heads = [];
    for (const [seed, [config, classes]] of kinds.entries()) {
      heads.push(await randomHead(backbone, config, { classes, seed }));
    }
    heads.push(backbone);
    const inputs = tinyInputs(tiny, 3);
    const batch = { inputValues: inputs.dataSync() as Float32Array, shape: inputs.shape };
    inputs.dispose();
    const { rows, groups } = await together(backbone, heads, batch);
    deepEqual(rows, await alone(heads, batch));
    // One that is without a projector has neither its width nor layers to weigh.
    const isNormed = ["audio-spectrogram-transformer", "ced"].includes(name);
    const alike = name === "efficientat"
      ? [1, 1, 1, 1, 1, 1, 1, 1]
      : isNormed
      ? [5, 2, 1]
      : [3, 2, 1, 1, 1];
    deepEqual(groups, alike);
    for (const head of heads) head.dispose();
    device.dispose();
  });
}

for (const choice of [{ threads: 2 }, { threads: 1, relaxedSimd: false }]) {
  const how = Object.entries(choice).join(" ");
  Deno.test(`fifty heads are one product, and no bit of a score is another [wasm, ${how}]`, async () => {
    const device = await startTestWasm(choice);
    const config = { ...TINY_ARCHITECTURES.wav2vec2!.config, classifier_proj_size: 100 };
    const backbone = await buildInferenceModel(config, { seed: 3 });
    const heads = [];
    for (let seed = 0; seed < 50; seed++) {
      heads.push(await randomHead(backbone, config, { classes: 10, seed }));
    }
    const inputs = tinyInputs(TINY_ARCHITECTURES.wav2vec2!, 2);
    const batch = { inputValues: inputs.dataSync() as Float32Array, shape: inputs.shape };
    inputs.dispose();
    const { rows, groups } = await together(backbone, heads, batch);
    deepEqual(groups, [50]);
    deepEqual(rows, await alone(heads, batch));
    for (const head of [...heads, backbone]) head.dispose();
    device.dispose();
  });
}

Deno.test("joined heads keep apart what a large projector or another gain sets apart [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const { config } = TINY_ARCHITECTURES.wav2vec2!;
  const backbone = await buildInferenceModel(config, { seed: 3 });
  const large = { ...config, classifier_proj_size: 2 ** 14 };
  const heads = [];
  for (const seed of [1, 2]) {
    heads.push(await randomHead(backbone, large, { classes: 3, seed }));
  }
  equal(backbone.joinHeads(heads).groups.length, 2);

  const normed = TINY_ARCHITECTURES["audio-spectrogram-transformer"]!.config;
  const other = await buildInferenceModel(normed, { seed: 3 });
  const gains = [];
  for (const gain of [1, 2, 1]) {
    gains.push(await randomHead(other, normed, { classes: 3, seed: gain, gain }));
  }
  const plan = other.joinHeads(gains);
  deepEqual(plan.groups.map(({ members }) => members), [[0, 2], [1]]);
  for (const used of [...plan.groups, ...heads, ...gains, backbone, other]) used.dispose();
  device.dispose();
});
