/**
 * What a training step of a whole model costs the device besides its arithmetic: runs, reads and memory.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { dispose, engine, zeros } from "@tensorflow/tfjs-core";
import { countFlops } from "../../../src/flops.ts";
import { linear, linears } from "../../../src/kernels.ts";
import type { DeviceBackend } from "../../../src/kernels/webgpu/_backend.ts";
import { Noise } from "../../../src/layers/noise.ts";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import { AdamW, type OptimizerSettings } from "../../../src/train/step/optimizer.ts";
import { PRESETS } from "../../../src/train/options/presets.ts";
import { disposeGradients, lossAndGradients } from "../../../src/train/step/step.ts";
import { gpuTest, guaranteedTest } from "./_gpu.ts";

const SETTINGS: OptimizerSettings = {
  learningRate: 1e-3,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
};

const SAMPLES = 1600;
/** The aim of the kernels, forward and backward together. */
const MOST_RUNS_PER_LAYER = 25;
const DROPPING = { hidden_dropout: 0.1, attention_dropout: 0.1, activation_dropout: 0.1 };

const clips = {
  inputs: Float32Array.from({ length: 2 * SAMPLES }, (_, i) => Math.sin(i * i)),
  shape: [2, SAMPLES],
  labels: Int32Array.of(0, 1),
};

function backendInUse(): DeviceBackend {
  return engine().backend as DeviceBackend;
}

/** Runs a body with a small model and its optimiser, and gives up both. */
async function withModel(
  config: Record<string, unknown>,
  body: (model: AudioClassificationModel, optimizer: AdamW) => void | Promise<void>,
): Promise<void> {
  const whole = { ...PRESETS.tiny.config, ...DROPPING, ...config };
  const model = await buildModel(whole, { labels: ["a", "b"] });
  const optimizer = new AdamW(model.parameters);
  try {
    await body(model, optimizer);
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/** Runs of the gradients and of the optimiser in one step. */
function stepRuns(
  model: AudioClassificationModel,
  optimizer: AdamW,
): { gradients: number; optimizer: number } {
  const { counts } = backendInUse();
  const before = counts.dispatches;
  const step = lossAndGradients(model, [clips], { noise: new Noise(1) });
  const between = counts.dispatches;
  optimizer.step(step.gradients, SETTINGS).dispose();
  disposeGradients(step);
  return { gradients: between - before, optimizer: counts.dispatches - between };
}

/** What one more layer adds to a step. */
async function runsPerLayer(
  config: Record<string, unknown>,
): Promise<{ gradients: number; optimizer: number }> {
  const [few, more] = [{ gradients: 0, optimizer: 0 }, { gradients: 0, optimizer: 0 }];
  for (const [layers, runs] of [[1, few], [2, more]] as const) {
    await withModel({ ...config, num_hidden_layers: layers }, (model, optimizer) => {
      Object.assign(runs, stepRuns(model, optimizer));
    });
  }
  return {
    gradients: more.gradients - few.gradients,
    optimizer: more.optimizer - few.optimizer,
  };
}

gpuTest("a transformer layer takes at most 25 runs forward and backward", async () => {
  for (const stable of [true, false]) {
    const { gradients, optimizer } = await runsPerLayer({ do_stable_layer_norm: stable });
    ok(gradients > 0 && gradients <= MOST_RUNS_PER_LAYER, `${gradients} runs`);
    ok(optimizer <= 4, `${optimizer} runs of the optimiser`);
  }
});

guaranteedTest("a layer takes few runs more where a device binds only eight buffers", async () => {
  const { gradients } = await runsPerLayer({});
  ok(gradients <= MOST_RUNS_PER_LAYER + 4, `${gradients} runs`);
});

gpuTest("a training step reads nothing back", async () => {
  const { mapAsync } = GPUBuffer.prototype;
  let mapped = 0;
  GPUBuffer.prototype.mapAsync = function (...args) {
    mapped++;
    return mapAsync.apply(this, args);
  };
  try {
    await withModel({}, async (model, optimizer) => {
      for (let step = 0; step < 3; step++) stepRuns(model, optimizer);
      deepEqual([backendInUse().counts.reads, mapped], [0, 0]);
      await model.parameters.values().next().value!.data();
      deepEqual([backendInUse().counts.reads, mapped], [1, 1]);
    });
  } finally {
    GPUBuffer.prototype.mapAsync = mapAsync;
  }
});

gpuTest("a training step takes no memory that the third did not take", async () => {
  const { bufferManager } = backendInUse();
  const held = () => ({
    ...backendInUse().memory(),
    buffers: bufferManager.getNumUsedBuffers() + bufferManager.getNumFreeBuffers(),
    tensors: engine().memory().numTensors,
  });
  await withModel({}, (model, optimizer) => {
    const after: ReturnType<typeof held>[] = [];
    for (let step = 1; step <= 20; step++) {
      stepRuns(model, optimizer);
      backendInUse().endComputePassEncoder();
      backendInUse().ensureCommandEncoderReady();
      backendInUse().submitQueue();
      after.push(held());
    }
    deepEqual(after[19], after[2]);
    equal(after[19]!.tensors, after[2]!.tensors);
  });
});

gpuTest("a training step writes over moments and parameters, but not over a clone", async () => {
  await withModel({}, async (model, optimizer) => {
    const [name, parameter] = [...model.trainable()].at(-1)!;
    const snapshot = parameter.clone();
    const before = await snapshot.data();
    stepRuns(model, optimizer);
    stepRuns(model, optimizer);
    deepEqual(await snapshot.data(), before, name);
    ok((await parameter.data()).some((value, i) => value !== before[i]), name);
    snapshot.dispose();
  });
});

gpuTest("countFlops() counts joint and fused maps as the maps that they are", () => {
  const [x, weight, bias] = [zeros([2, 5, 12]), zeros([7, 12]), zeros([7])];
  const flops = 2 * 2 * 5 * 12 * 7;
  const map = { weight, bias };
  const dropout = { rate: 0.5, seed: 1 };
  equal(countFlops(() => dispose(linears(x, [map, map, map]))), 3 * flops);
  equal(countFlops(() => dispose(linear(x, weight, { bias, dropout }))), flops);
  dispose([x, weight, bias]);
});
