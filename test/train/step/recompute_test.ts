/**
 * Gradient checkpointing: the numbers stay, the memory falls, nothing leaks, and running statistics move once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import {
  type AudioClassificationModel,
  buildModel,
  type JsonObject,
  type LayerWrapper,
  Noise,
} from "../../../src/models/mod.ts";
import type { Batch } from "../../../src/train/batches/batches.ts";
import {
  disposeGradients,
  lossAndGradients,
  type StepOptions,
} from "../../../src/train/step/step.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest, startTestWasm } from "../../devices.ts";
import { TINY_ARCHITECTURES, type TinyArchitecture, tinyInputs } from "../../tiny_architectures.ts";

function tinyBatch(tiny: TinyArchitecture): Batch {
  const inputs = tinyInputs(tiny, 3);
  const batch = { inputs: inputs.dataSync() as Float32Array, shape: inputs.shape };
  inputs.dispose();
  return { ...batch, labels: Int32Array.of(0, 2, 1) };
}

interface Step {
  loss: number;
  gradients: Record<string, Float32Array>;
  /** The next number of the stream. */
  next: number;
}

async function stepOf(
  model: AudioClassificationModel,
  batch: Batch,
  options: StepOptions,
): Promise<Step> {
  const noise = options.noise && new Noise(options.noise.random.state);
  const result = lossAndGradients(model, [batch], { ...options, noise });
  const gradients: Record<string, Float32Array> = {};
  for (const [name, gradient] of result.gradients) {
    gradients[name] = await gradient.data() as Float32Array;
  }
  const [loss] = await result.loss.data();
  disposeGradients(result);
  return { loss: loss!, gradients, next: noise?.random.uint32() ?? 0 };
}

/** A step as it is and with checkpointing, of models that start alike. */
async function bothSteps(
  tiny: TinyArchitecture,
  { prepare = () => {}, ...options }: StepOptions & {
    prepare?: (model: AudioClassificationModel) => void;
  },
): Promise<[Step, Step]> {
  const batch = tinyBatch(tiny);
  const steps: Step[] = [];
  for (const gradientCheckpointing of [false, true]) {
    const model = await buildModel(tiny.config, { seed: 2 });
    prepare(model);
    steps.push(await stepOf(model, batch, { ...options, gradientCheckpointing }));
    model.dispose();
  }
  return steps as [Step, Step];
}

/** What all random parts together draw: dropout, masks, skipped layers. */
function noisy(config: JsonObject): JsonObject {
  const rates = ["hidden_dropout", "attention_dropout", "activation_dropout"].map((
    name,
  ) => [name, 0.2]);
  return {
    ...config,
    ...Object.fromEntries(rates),
    attention_probs_dropout_prob: 0.2,
    hidden_dropout_prob: 0.2,
    dropout: 0.2,
    layerdrop: 0.3,
    encoder_layerdrop: 0.3,
    mask_time_prob: 0.3,
  };
}

/** SEW-D's distances meet each layer twice, and the sum over all layers is taken in another order. */
const SUMMED_OTHERWISE = /^sew_d\.encoder\.encoder\.(rel_embeddings|LayerNorm)\./;

for (const [name, tiny] of Object.entries(TINY_ARCHITECTURES)) {
  deviceTest(`gradientCheckpointing leaves the numbers of ${name} as they are`, async (device) => {
    for (const config of [tiny.config, noisy(tiny.config)]) {
      const weighted = { ...config, use_weighted_layer_sum: config !== tiny.config };
      const noise = config === tiny.config ? undefined : new Noise(7);
      const [plain, again] = await bothSteps({ ...tiny, config: weighted }, { noise });
      assert.deepEqual(Object.keys(again.gradients), Object.keys(plain.gradients));
      assert.deepEqual([again.loss, again.next], [plain.loss, plain.next]);
      for (const [key, gradient] of Object.entries(plain.gradients)) {
        if (device.name === "wasm" && !SUMMED_OTHERWISE.test(key)) {
          assert.deepEqual(again.gradients[key], gradient, key);
        }
        assertAllClose(again.gradients[key]!, gradient, { atol: 1e-6, rtol: 1e-4, label: key });
      }
    }
  });
}

Deno.test("every architecture lets its layers be wrapped, each of them", async () => {
  const device = await startTestWasm({ threads: 1 });
  for (const [name, tiny] of Object.entries(TINY_ARCHITECTURES)) {
    const model = await buildModel(tiny.config, { seed: 2 });
    let runs = 0;
    const wrapLayer: LayerWrapper = (layer) => (...args) => {
      runs++;
      return layer(...args);
    };
    const inputs = tinyInputs(tiny);
    const { logits, pooled } = model.forward({ inputs }, { wrapLayer });
    // EfficientAT has as many blocks as it has, between two convolutions that count as layers too.
    assert.deepEqual([runs, model.layerCount], name === "efficientat" ? [15, 17] : [3, 3], name);
    for (const part of [inputs, logits, pooled]) part.dispose();
    model.dispose();
  }
  device.dispose();
});

Deno.test("gradientCheckpointing asks for no gradient of what is frozen", async () => {
  const device = await startTestWasm({ threads: 1 });
  for (const tiny of Object.values(TINY_ARCHITECTURES)) {
    for (const count of [1, 3]) {
      const prepare = (model: AudioClassificationModel) => model.freezeLayers(count);
      const [plain, again] = await bothSteps(tiny, { prepare });
      assert.deepEqual(Object.keys(again.gradients), Object.keys(plain.gradients));
      assert.deepEqual(again.loss, plain.loss);
    }
  }
  device.dispose();
});

Deno.test("gradientCheckpointing moves the statistics of a batch norm once", async () => {
  const device = await startTestWasm({ threads: 1 });
  const tiny = TINY_ARCHITECTURES["wav2vec2-conformer"]!;
  const means: Float32Array[] = [];
  for (const gradientCheckpointing of [false, true]) {
    const model = await buildModel(tiny.config, { seed: 2 });
    const options = { noise: new Noise(1), gradientCheckpointing };
    await stepOf(model, tinyBatch(tiny), options);
    const name = "wav2vec2_conformer.encoder.layers.1.conv_module.batch_norm.running_mean";
    means.push(model.parameters.get(name)!.dataSync() as Float32Array);
    model.dispose();
  }
  assert.ok(means[0]!.some((mean) => mean !== 0));
  assert.deepEqual(means[1], means[0]);
  device.dispose();
});

/** Most bytes that tensors held during a step beyond those before it. */
async function peakBytes(depth: number, gradientCheckpointing: boolean): Promise<number> {
  const tiny = TINY_ARCHITECTURES.wav2vec2!;
  const config = { ...tiny.config, num_hidden_layers: depth, layerdrop: 0 };
  const model = await buildModel(config, { seed: 2 });
  const batch = tinyBatch({ config, clip: [4000] });
  const before = engine().memory();
  const profile = await engine().profile(async () => {
    await stepOf(model, batch, { noise: new Noise(1), gradientCheckpointing });
    return [];
  });
  const after = engine().memory();
  assert.equal(after.numTensors, before.numTensors);
  assert.equal(after.numBytes, before.numBytes);
  model.dispose();
  return profile.peakBytes - before.numBytes;
}

Deno.test("gradientCheckpointing holds a state for each layer instead of all it computes", async () => {
  const device = await startTestWasm({ threads: 1 });
  const perLayer: number[] = [];
  for (const isOn of [false, true]) {
    perLayer.push((await peakBytes(12, isOn) - await peakBytes(4, isOn)) / 8);
  }
  const [plain, again] = perLayer as [number, number];
  const stateBytes = 3 * 399 * 16 * 4;
  assert.ok(plain > 20 * stateBytes, `${plain} bytes a layer without`);
  assert.ok(again < 4 * stateBytes, `${again} bytes a layer with`);
  device.dispose();
});
