import assert from "node:assert/strict";
import { fill } from "@tensorflow/tfjs-core";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import { exportModel } from "../../../src/export/mod.ts";
import { loadPretrained, savePretrained } from "../../../src/pretrained.ts";
import { Random } from "../../../src/random.ts";
import { pushDirectory } from "../../../src/share/mod.ts";
import { type BatchSource, upload } from "../../../src/train/batches/batches.ts";
import type { CallbackEvent } from "../../../src/train/callbacks/callbacks.ts";
import {
  type FittedHead,
  FittedHeadCallback,
  type FittedHeadOptions,
  HEAD_KINDS,
} from "../../../src/train/callbacks/fitted_head.ts";
import { headPlaceOf } from "../../../src/train/callbacks/_head_place.ts";
import { evaluateModel } from "../../../src/train/metrics/evaluation.ts";
import { accuracy } from "../../../src/train/metrics/metrics.ts";
import { assertAllClose } from "../../compare.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_ARCHITECTURES } from "../../tiny_architectures.ts";
import { TINY_CONFIG, TINY_LABELS, tinyExtractor, tone } from "../../tiny_model.ts";

/** Clips of the first two classes, in turn: tones, or of a spectrogram more or less of its first bands. */
function sounds(
  clips: number,
  rest: number[] = [800],
  labelOf = (i: number) => [i % 2],
): BatchSource {
  const random = new Random(9);
  const size = rest.reduce((a, b) => a * b, 1);
  const inputs = Array.from({ length: clips }, (_, i) => {
    const sound = rest.length === 1
      ? tone(size, 1 + i % 2 + i / 50)
      : Float32Array.from({ length: size }, (_, at) => (at % rest[1]!) < 2 ? 2 * (i % 2) - 1 : 0);
    return sound.map((value) => value + 0.02 * random.normal());
  });
  return {
    size: clips,
    batchCount: () => clips,
    async *batches() {
      for (const [i, input] of inputs.entries()) {
        const labels = labelOf(i).length === 1
          ? Int32Array.from(labelOf(i))
          : Float32Array.from(labelOf(i));
        yield await Promise.resolve({ inputs: input, shape: [1, ...rest], labels, indices: [i] });
      }
    },
  };
}

async function fit(
  model: AudioClassificationModel,
  source: BatchSource,
  options: FittedHeadOptions = {},
): Promise<FittedHead> {
  const fits: FittedHead[] = [];
  const control = { shouldTrainingStop: false };
  const callback = new FittedHeadCallback({ ...options, onFitted: (found) => fits.push(found) });
  const event = [{ perDeviceEvalBatchSize: 1 }, {}, control, { model, trainDataset: source }];
  await callback.onTrainBegin(...event as unknown as CallbackEvent);
  assert.ok(control.shouldTrainingStop);
  return fits[0]!;
}

function wasmTest(name: string, body: () => Promise<void>): void {
  Deno.test(name, async () => {
    const device = await startTestWasm({ threads: 1 });
    await body().finally(() => device.dispose());
  });
}

wasmTest(
  "FittedHeadCallback chooses by clips that were left out, and never splits a group",
  async () => {
    const model = await buildModel(TINY_CONFIG, { seed: 1 });
    const fitted = async (groupOf?: (clip: number) => string) =>
      await fit(model, sounds(20), { groupOf });
    assert.ok((await fitted()).heldOutLoss! < Math.log(TINY_LABELS.length));
    const none = { kind: "linear", clips: 20, l2: 1 };
    assert.deepEqual(await fitted(() => "one speaker"), none);
    // Each group has all of a class, so that what is left out is of a class that was never heard.
    assert.deepEqual(await fitted((clip) => `class ${clip % 2}`), none);
    model.dispose();
  },
);

for (const [name, { config, clip }] of Object.entries(TINY_ARCHITECTURES)) {
  wasmTest(`heads of ${name} are fitted over what stands before its last layer`, async () => {
    const rest = clip.length > 1 ? [...clip] : [800];
    const source = sounds(24, rest);
    for (const kind of HEAD_KINDS) {
      const model = await buildModel(config, { labels: ["a", "b"] });
      const names = [...model.parameters.keys()].filter((key) =>
        !/^(classifier\.(dense\.|5\.)?|outputlayer\.1\.)(weight|bias)$/.test(key)
      );
      // As a norm that was trained.
      for (const norm of ["classifier.layernorm", "outputlayer.0"]) {
        model.parameters.get(`${norm}.bias`)?.assign(fill([16], 3));
      }
      const before = await Promise.all(names.map((key) => model.parameters.get(key)!.data()));
      await fit(model, source, { kind });
      const right = accuracy(await evaluateModel(model, source, { batchSize: 1 }));
      assert.ok(right >= (kind === "linear" ? 0.95 : 0.8), `${kind} ${right}`);
      await expectVectorsOfLastLayer(model, source);
      const after = await Promise.all(names.map((key) => model.parameters.get(key)!.data()));
      assert.deepEqual(after, before);
      model.dispose();
    }
  });
}

/** That the last layer makes scores of these vectors. */
async function expectVectorsOfLastLayer(
  model: AudioClassificationModel,
  source: BatchSource,
): Promise<void> {
  for await (const batch of source.batches(-1, { batchSize: 1 })) {
    const sent = upload(batch);
    const features = sent.features(model);
    const vectors = headPlaceOf(model).vectors(features);
    const { logits } = model.classify(features);
    const ofHead = /^(classifier|outputlayer).*weight$/;
    const last = [...model.parameters.keys()].filter((name) => ofHead.test(name)).at(-1)!;
    const weights = await model.parameters.get(last)!.data();
    const biases = await model.parameters.get(last.replace("weight", "bias"))!.data();
    const own = Array.from(await vectors.data());
    const expected = Array.from(
      biases,
      (bias, k) => own.reduce((sum, value, d) => sum + value * weights[k * own.length + d]!, bias),
    );
    assertAllClose([...await logits.data()], expected, { atol: 1e-3, rtol: 1e-3 });
    return;
  }
}

/** A tiny model whose checkpoint lacks the head. */
async function withDrawnHead(config: Record<string, unknown>): Promise<AudioClassificationModel> {
  const full = await buildModel({ ...TINY_CONFIG, ...config, classifier_proj_size: 16 }, {
    seed: 1,
  });
  const { parameters } = full;
  const isOfBase = (name: string) => full.isOfBase(name);
  const model = await buildModel({ ...TINY_CONFIG, ...config }, {
    seed: 2,
    source: {
      file: "base",
      names: () => [...parameters.keys()].filter(isOfBase),
      shape: (name) => isOfBase(name) ? parameters.get(name)?.shape : undefined,
      read: async (name) => Float32Array.from(await parameters.get(name)!.data()),
    },
  });
  full.dispose();
  return model;
}

for (
  const [what, config] of [
    ["wider than the features", { classifier_proj_size: 20 }],
    ["narrower than the features", { classifier_proj_size: 7 }],
    ["and a weighted sum of layers", { classifier_proj_size: 7, use_weighted_layer_sum: true }],
  ] as const
) {
  wasmTest(`a projector that a checkpoint lacks hands features on: ${what}`, async () => {
    const source = sounds(24);
    const scores = async (model: AudioClassificationModel) =>
      (await evaluateModel(model, source, { batchSize: 1 })).logits;
    // What a projector of the features' size, set to the identity, makes of them.
    const plain = await withDrawnHead({ ...config, classifier_proj_size: 16 });
    await fit(plain, source);
    const identity = await plain.parameters.get("projector.weight")!.data();
    assert.deepEqual(
      [...identity].map((value, i) => value === +(i % 17 === 0)).includes(false),
      false,
    );
    const model = await withDrawnHead(config);
    await fit(model, source);
    const [expected, found] = [await scores(plain), await scores(model)];
    const furthest = Math.max(...expected.map((score, i) => Math.abs(score - found[i]!)));
    assert.ok(furthest < 1e-4, `${furthest}`);
    plain.dispose();
    model.dispose();
  });
}

wasmTest("a linear head takes clips with several labels, a centroid head does not", async () => {
  const options = { labels: ["odd", "late"], problemType: "multi_label_classification" } as const;
  const model = await buildModel(TINY_CONFIG, options);
  const source = sounds(24, [800], (i) => [i % 2, +(i >= 12)]);
  const { l2 } = await fit(model, source);
  assert.ok(l2! > 0);
  const { logits, labels } = await evaluateModel(model, source, { batchSize: 1 });
  const right = logits.filter((logit, i) => (logit > 0) === (labels[i]! > 0)).length;
  assert.ok(right >= 44, `${right} of 48`);
  await assert.rejects(fit(model, source, { kind: "centroid" }), /expected one label a clip/);
  model.dispose();
  const regression = await buildModel(TINY_CONFIG, { labels: ["age"], problemType: "regression" });
  await assert.rejects(fit(regression, source), /Cannot fit a linear head: expected classes/);
  regression.dispose();
});

wasmTest("a head by nearest neighbours is saved, prepared, and forgotten by training", async () => {
  const model = await buildModel(TINY_CONFIG, { labels: ["a", "b"] });
  const source = sounds(24);
  const { neighbours } = await fit(model, source, { kind: "knn" });
  assert.ok(neighbours! >= 1);
  const batch = { inputValues: tone(800, 2), shape: [1, 800] };
  const [expected] = await model.logits(batch);
  assert.ok(Math.abs(expected!.reduce((sum, logit) => sum + Math.exp(logit), 0) - 1) < 1e-6);
  const { logits } = await evaluateModel(model, sounds(1), { batchSize: 1 });
  assert.ok(Math.abs(logits.reduce((sum, logit) => sum + Math.exp(logit), 0) - 1) < 1e-6);
  const prepared = await model.prepare();
  const folder = await Deno.makeTempDir();
  await savePretrained(`${folder}/model`, model, tinyExtractor());
  const loaded = await loadPretrained(`${folder}/model`);
  assert.deepEqual(loaded.loading.unexpected, []);
  for (const other of [prepared, loaded]) {
    const [found] = await other.logits(batch);
    assertAllClose([...found!], [...expected!], { atol: 1e-5 });
  }
  loaded.startTraining();
  const [plain] = await loaded.logits(batch);
  assert.ok(Math.abs(plain!.reduce((sum, logit) => sum + Math.exp(logit), 0) - 1) > 1e-3);
  await assert.rejects(pushDirectory("me/it", `${folder}/model`, { token: false }), {
    name: "UnsupportedOpError",
    message: /found a head by nearest neighbours/,
  });
  const export_ = exportModel({ model: `${folder}/model`, output: `${folder}/out`, dtype: "q8" });
  await assert.rejects(export_, /found a head by nearest neighbours/);
  await Deno.remove(folder, { recursive: true });
  for (const each of [model, prepared, loaded]) each.dispose();
});
