/**
 * Backbone and head apart: features and what classifies them, and several heads on one backbone.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { engine, type Tensor } from "@tensorflow/tfjs-core";
import {
  type AudioClassificationModel,
  buildModel,
  type InferenceModel,
  type JsonObject,
  type ParameterSource,
} from "../../src/models/mod.ts";
import { startTestWasm } from "../devices.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyInputs } from "../tiny_architectures.ts";

/** All architectures, and those that can weigh their layers a second time. */
const CASES: [string, TinyArchitecture][] = Object.entries(TINY_ARCHITECTURES)
  .flatMap(([name, tiny]) => [
    [name, tiny] as [string, TinyArchitecture],
    ...["audio-spectrogram-transformer", "ced", "efficientat"].includes(name) ? [] : [[
      `${name} with weighed layers`,
      { ...tiny, config: { ...tiny.config, use_weighted_layer_sum: true } },
    ] as [string, TinyArchitecture]],
  ]);

const LABELS = ["a", "b", "c", "d", "e"];

async function numbers(tensors: Tensor[]): Promise<Float32Array[]> {
  const values = await Promise.all(tensors.map((x) => x.data() as Promise<Float32Array>));
  for (const x of tensors) x.dispose();
  return values.map((of) => of.slice());
}

async function logitsOf(model: InferenceModel, tiny: TinyArchitecture): Promise<Float32Array> {
  const inputs = tinyInputs(tiny, 2);
  const { logits, pooled } = model.forward({ inputs });
  inputs.dispose();
  pooled.dispose();
  return (await numbers([logits]))[0]!;
}

/** The tensors of a model in memory; `part` chooses some. */
function tensorsOf(
  model: AudioClassificationModel,
  part: (name: string) => boolean = () => true,
): ParameterSource {
  const chosen = new Map([...model.parameters].filter(([name]) => part(name)));
  return {
    file: "memory",
    names: () => chosen.keys(),
    shape: (name) => chosen.get(name)?.shape,
    tensor: (name) => chosen.get(name),
    read: () => Promise.reject(new TypeError("it has a tensor")),
  };
}

/** A model of the same base and another head. */
async function withOtherHead(
  model: AudioClassificationModel,
  fields: JsonObject,
): Promise<{ whole: AudioClassificationModel; isHead: (name: string) => boolean }> {
  const names = [...model.parameters.keys()];
  const base = names.find((name) => /encoder|^features/.test(name))!.split(".")[0]!;
  const isHead = (name: string) => !name.startsWith(`${base}.`);
  const json = { ...model.toConfig(), ...fields };
  const source = tensorsOf(model, (name) => !isHead(name));
  return { whole: await buildModel(json, { source, seed: 7, labels: LABELS }), isHead };
}

for (const [name, tiny] of CASES) {
  Deno.test(`classify() of features is the forward pass of ${name} [wasm]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const model = await buildModel(tiny.config, { seed: 3 });
    for (const answering of [model, await model.prepare(), await model.prepare("int8")]) {
      const inputs = tinyInputs(tiny, 2);
      const { logits, pooled, features } = answering.forward({ inputs }, { outputFeatures: true });
      inputs.dispose();
      const ofFeatures = answering.classify(features!);
      features!.forEach((feature) => feature.dispose());
      const found = await numbers([ofFeatures.logits, ofFeatures.pooled]);
      deepEqual(found, await numbers([logits, pooled]));
      if (answering !== model) answering.dispose();
    }
    model.dispose();
    device.dispose();
  });

  Deno.test(`withHead() answers as the whole model does: ${name} [wasm]`, async () => {
    const device = await startTestWasm({ threads: 1 });
    const { use_weighted_layer_sum = false } = tiny.config;
    const model = await buildModel({ ...tiny.config, use_weighted_layer_sum: false }, { seed: 3 });
    const fields = { classifier_proj_size: 4, use_weighted_layer_sum };
    const { whole, isHead } = await withOtherHead(model, fields);
    for (const precision of ["float32", "int8"] as const) {
      const backbone = await model.prepare(precision);
      const reference = await whole.prepare((key) => isHead(key) ? "float32" : precision);
      const own = await logitsOf(backbone, tiny);
      const held = engine().memory().numTensors;
      const headed = await backbone.withHead({
        json: whole.toConfig(),
        source: tensorsOf(whole, isHead),
      });
      deepEqual(headed.labels, LABELS);
      equal(headed.parameterCount, whole.parameterCount);
      equal(headed.statesKey === backbone.statesKey, !use_weighted_layer_sum);
      deepEqual(await logitsOf(headed, tiny), await logitsOf(reference, tiny));
      headed.dispose();
      equal(engine().memory().numTensors, held);
      deepEqual(await logitsOf(backbone, tiny), own);
      for (const used of [backbone, reference]) used.dispose();
    }
    for (const used of [model, whole]) used.dispose();
    device.dispose();
  });
}

Deno.test("withHead() refuses a head that does not fit, and keeps nothing [wasm]", async () => {
  const device = await startTestWasm({ threads: 1 });
  const tiny = TINY_ARCHITECTURES.wav2vec2!;
  const model = await buildModel(tiny.config, { seed: 3 });
  const backbone = await model.prepare();
  const held = engine().memory().numTensors;
  const json = model.toConfig();
  const isHead = (name: string) => !name.startsWith("wav2vec2.");
  await rejects(
    backbone.withHead({
      json: { ...json, model_type: "hubert" },
      source: tensorsOf(model, isHead),
    }),
    {
      name: "CheckpointError",
      message: 'Cannot use head "memory": expected one of a model of type "wav2vec2", ' +
        'found "hubert"',
    },
  );
  const part = tensorsOf(model, (name) => name.startsWith("projector."));
  await rejects(backbone.withHead({ json, source: part }), /classifier\.weight/);
  const wide = tensorsOf(await buildModel({ ...tiny.config, hidden_size: 32 }), isHead);
  const before = engine().memory().numTensors;
  await rejects(backbone.withHead({ json, source: wide }), /projector\.weight.*expected shape/);
  equal(engine().memory().numTensors, before);
  equal(before > held, true);
  for (const used of [model, backbone]) used.dispose();
  device.dispose();
});
