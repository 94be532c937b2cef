/**
 * Low-rank changes: what a model with them computes, what is trained, what is saved, and that runs go on exactly.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine, type Tensor } from "@tensorflow/tfjs-core";
import { type AudioClassificationModel, buildModel, Noise } from "../../../src/models/mod.ts";
import type { LoraOptions } from "../../../src/models/lora.ts";
import { loadPretrained, savePretrained } from "../../../src/pretrained.ts";
import type { Batch } from "../../../src/train/batches/batches.ts";
import { AdamW } from "../../../src/train/step/optimizer.ts";
import {
  disposeGradients,
  lossAndGradients,
  type StepOptions,
} from "../../../src/train/step/step.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyInputs } from "../../tiny_architectures.ts";
import { TINY_CONFIG, tinyExtractor, tone } from "../../tiny_model.ts";
import { runTest, timelessLog, tinyRun, weightsDigest } from "../_tiny_run.ts";

const ALL: LoraOptions = {
  rank: 3,
  alpha: 4,
  target: ["q_proj", "k_proj", "v_proj", "out_proj"],
};

function tinyBatch(tiny: TinyArchitecture): Batch {
  const inputs = tinyInputs(tiny, 3);
  const batch = { inputs: inputs.dataSync() as Float32Array, shape: inputs.shape };
  inputs.dispose();
  return { ...batch, labels: Int32Array.of(0, 2, 1) };
}

/** Nothing else is drawn at random. */
const SILENT = {
  hidden_dropout: 0,
  attention_dropout: 0,
  activation_dropout: 0,
  feat_proj_dropout: 0,
  layerdrop: 0,
  mask_time_prob: 0,
};

/** Some steps of AdamW; the losses before each are the caller's. */
function train(
  model: AudioClassificationModel,
  batch: Batch,
  { steps = 3, learningRate = 0.02, ...options }: StepOptions & {
    steps?: number;
    learningRate?: number;
  } = {},
): Tensor[] {
  const losses: Tensor[] = [];
  const optimizer = new AdamW(model.trainable());
  for (let step = 0; step < steps; step++) {
    const result = lossAndGradients(model, [batch], options);
    optimizer.step(result.gradients, {
      learningRate,
      adamBeta1: 0.9,
      adamBeta2: 0.999,
      adamEpsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
    }).dispose();
    losses.push(result.loss.clone());
    disposeGradients(result);
  }
  optimizer.dispose();
  return losses;
}

function dispose(tensors: Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}

async function scoresOf(
  model: AudioClassificationModel,
  tiny: TinyArchitecture,
): Promise<Float32Array> {
  const inputs = tinyInputs(tiny, 3);
  const { logits, pooled } = model.forward({ inputs });
  const scores = await logits.data() as Float32Array;
  for (const tensor of [inputs, logits, pooled]) tensor.dispose();
  return scores;
}

async function valuesOf(model: AudioClassificationModel): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, parameter] of model.parameters) {
    values.set(name, await parameter.data() as Float32Array);
  }
  return values;
}

for (const [modelType, tiny] of Object.entries(TINY_ARCHITECTURES)) {
  // It has no attention, which `efficientat_test.ts` says.
  if (modelType === "efficientat") continue;
  const { num_hidden_layers, encoder_layers, depth } = tiny.config;
  const layers = Number(num_hidden_layers ?? encoder_layers ?? depth);
  // CED has one weight for queries, keys and values.
  const weights = modelType === "ced" ? 2 : 4;

  deviceTest(`LoRA of ${modelType} trains its changes and the head, and merges`, async () => {
    const model = await buildModel(tiny.config, { seed: 2 });
    const before = { scores: await scoresOf(model, tiny), values: await valuesOf(model) };
    model.addLora(ALL);
    assert.equal(model.lora!.parameters.size, layers * weights * 2);
    assert.deepEqual(await scoresOf(model, tiny), before.scores);
    dispose(train(model, tinyBatch(tiny)));
    for (const [name, parameter] of model.lora!.parameters) {
      const values = await parameter.data();
      assert.ok(values.some((value) => value !== 0), name);
    }
    for (const [name, values] of await valuesOf(model)) {
      const isMoved = values.some((value, i) => value !== before.values.get(name)![i]);
      // Running statistics move in any pass of training.
      if (/running_|num_batches/.test(name)) continue;
      assert.equal(isMoved, /^(projector|classifier|outputlayer)\b/.test(name), name);
    }
    const adapted = await scoresOf(model, tiny);
    assert.ok(adapted.some((score, i) => Math.abs(score - before.scores[i]!) > 1e-3));
    const merged = await mergedCopy(model, tiny);
    assertAllClose(await scoresOf(merged, tiny), adapted, { atol: 1e-5, rtol: 1e-5 });
    merged.dispose();
    model.dispose();
  });
}

/** The model as its saved tensors make it. */
async function mergedCopy(
  model: AudioClassificationModel,
  tiny: TinyArchitecture,
): Promise<AudioClassificationModel> {
  const saved = new Map([...model.tensors()].map((tensor) => [tensor.name, tensor]));
  return await buildModel(tiny.config, {
    source: {
      file: "saved",
      names: () => saved.keys(),
      shape: (name) => saved.get(name)?.shape,
      read: async (name) => Float32Array.from(await saved.get(name)!.values()),
    },
  });
}

deviceTest("LoRA with dropout has the same numbers when layers are computed again", async () => {
  const tiny = TINY_ARCHITECTURES["wav2vec2"]!;
  const config = { ...tiny.config, hidden_dropout: 0.2, attention_dropout: 0.2, layerdrop: 0 };
  const changes: Float32Array[][] = [];
  for (const gradientCheckpointing of [false, true]) {
    const model = await buildModel(config, { seed: 2 });
    model.addLora({ ...ALL, dropout: 0.3 });
    dispose(train(model, tinyBatch(tiny), { gradientCheckpointing, noise: new Noise(5) }));
    const { parameters } = model.lora!;
    changes.push(
      await Promise.all(
        [...parameters.values()].map((own) => own.data() as Promise<Float32Array>),
      ),
    );
    model.dispose();
  }
  assert.deepEqual(changes[1], changes[0]);
});

deviceTest("LoRA draws its dropout in training alone, and leaves nothing behind", async () => {
  const tiny = TINY_ARCHITECTURES["wav2vec2"]!;
  const config = { ...tiny.config, ...SILENT };
  const before = engine().memory().numTensors;
  const model = await buildModel(config, { seed: 2 });
  model.addLora({ ...ALL, dropout: 0.5 });
  const losses = train(model, tinyBatch(tiny), { noise: new Noise(5) });
  const first = await scoresOf(model, tiny);
  assert.deepEqual(await scoresOf(model, tiny), first);
  const other = await buildModel(config, { seed: 2 });
  other.addLora(ALL);
  const undropped = train(other, tinyBatch(tiny), { noise: new Noise(5) });
  // The first step's B is zero; from the second on the changes are seen.
  const [dropped, whole] = await Promise.all(
    [losses[2]!, undropped[2]!].map(async (loss) => (await loss.data())[0]!),
  );
  assert.notEqual(dropped, whole);
  dispose([...losses, ...undropped]);
  model.dispose();
  other.dispose();
  assert.equal(engine().memory().numTensors, before);
});

deviceTest("LoRA goes the way of peft, step by step", async () => {
  // peft 0.21 with torch 2.13, r=3, lora_alpha=5, on q_proj and v_proj with A as here; AdamW at 0.01.
  const expected = [3.34255743, 2.71074295, 2.21980906, 1.87505889, 1.62281203];
  // Without masks the model has no vector for them, so that other weights are drawn.
  const config = { ...TINY_CONFIG, mask_time_prob: 0 };
  const model = await buildModel(config, { seed: 1 });
  model.addLora({ rank: 3, alpha: 5, target: ["q_proj", "v_proj"] });
  const inputs = Float32Array.from([1, 2, 3, 4].flatMap((pitch) => [...tone(600, pitch)]));
  const batch = { inputs, shape: [4, 600], labels: Int32Array.of(0, 1, 2, 3) };
  const losses = train(model, batch, { steps: 5, learningRate: 0.01 });
  const found = await Promise.all(losses.map(async (loss) => (await loss.data())[0]!));
  dispose(losses);
  assertAllClose(found, expected, { atol: 1e-5 });
  model.dispose();
});

runTest("LoRA takes the names of the architecture, and refuses others", async () => {
  const conformer = TINY_ARCHITECTURES["wav2vec2-conformer"]!;
  const model = await buildModel(conformer.config, { seed: 1 });
  model.addLora({ rank: 2, target: ["linear_q"] });
  const names = [...model.lora!.parameters.keys()];
  assert.equal(
    names[0],
    "base_model.model.wav2vec2_conformer.encoder.layers.0.self_attn.linear_q.lora_A.weight",
  );
  assert.throws(() => model.addLora({ rank: 2, target: ["dense"] }), {
    name: "RangeError",
    message:
      'Cannot adapt layers "dense" of a model of type "wav2vec2-conformer": expected q_proj, k_proj, v_proj, out_proj',
  });
  model.dispose();
});

const LORA = { loraRank: 2, loraDropout: 0.2, loadBestModelAtEnd: true } as const;

runTest("Trainer goes on exactly with low-rank changes", async (directory) => {
  const config = { hidden_dropout: 0.2, layerdrop: 0 };
  const options = { args: LORA, config };
  const { trainer } = await tinyRun({ ...options, outputDir: `${directory}/whole` });
  const controller = new AbortController();
  const outputDir = `${directory}/resumed`;
  const callbacks = [{
    onStepEnd: (_args: unknown, { globalStep }: { globalStep: number }) =>
      globalStep === 4 && controller.abort(),
  }];
  await tinyRun({ ...options, outputDir, callbacks, signal: controller.signal });
  const resumed = await tinyRun({
    ...options,
    outputDir,
    modelSeed: 9,
    resumeFromCheckpoint: true,
  });
  assert.equal(await weightsDigest(outputDir), await weightsDigest(`${directory}/whole`));
  assert.deepEqual(timelessLog(resumed.trainer), timelessLog(trainer));
});

runTest("Trainer refuses to go on with low-rank changes in another shape", async (outputDir) => {
  const args = { maxSteps: 1, loraRank: 2 };
  await tinyRun({ outputDir, args });
  for (const loraRank of [0, 3]) {
    const other = tinyRun({ outputDir, args: { ...args, loraRank }, resumeFromCheckpoint: true });
    await assert.rejects(other, ({ name, message }) => {
      assert.equal(name, "CheckpointError");
      assert.match(message, new RegExp(`found \`loraRank\` ${loraRank} \\(was 2\\)`));
      return true;
    });
  }
});

runTest("Trainer saves a model that needs to know of no changes", async (outputDir) => {
  const { trainer } = await tinyRun({ outputDir, args: { ...LORA, numTrainEpochs: 1 } });
  const { bestGlobalStep } = trainer.state;
  const saved = await loadPretrained(outputDir);
  assert.deepEqual(saved.loading.unexpected, []);
  const checkpoint = `${outputDir}/checkpoint-${bestGlobalStep}`;
  const other = await loadPretrained(checkpoint);
  assert.deepEqual(await valuesOf(other), await valuesOf(saved));
  const fresh = await buildModel(TINY_CONFIG, { seed: 1 });
  const [before, after] = [await valuesOf(fresh), await valuesOf(saved)];
  const moved = [...before.keys()].filter((name) =>
    before.get(name)!.some((value, i) => value !== after.get(name)![i])
  );
  assert.deepEqual(moved.sort(), [
    "classifier.bias",
    "classifier.weight",
    "projector.bias",
    "projector.weight",
    ...[0, 1].flatMap((layer) =>
      ["q_proj", "v_proj"].map((name) =>
        `wav2vec2.encoder.layers.${layer}.attention.${name}.weight`
      )
    ),
  ]);
  await savePretrained(`${outputDir}/again`, saved, tinyExtractor());
  assert.equal(await weightsDigest(`${outputDir}/again`), await weightsDigest(outputDir));
  for (const model of [saved, other, fresh]) model.dispose();
});
