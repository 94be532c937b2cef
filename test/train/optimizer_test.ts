import assert from "node:assert/strict";
import { engine, tensor1d, variable } from "@tensorflow/tfjs-core";
import { AdamW, decays } from "../../src/train/optimizer.ts";
import { assertAllClose } from "../compare.ts";
import { deviceTest } from "../devices.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";

const SETTINGS = {
  learningRate: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0.5,
  maxGradNorm: 0,
};

kitTest("decays() agrees with the reference about every parameter of every case", async () => {
  for await (const entry of Deno.readDir(kitPath())) {
    const file = kitPath(entry.name, "meta.json");
    const meta = await readJson<{ no_weight_decay?: string[]; grad_none?: string[] }>(file)
      .catch(() => undefined);
    for (const name of meta?.no_weight_decay ?? []) assert.equal(decays(name), false, name);
  }
});

Deno.test("decays() lets weights decay, and spares biases and norms", () => {
  assert.equal(decays("wav2vec2.encoder.layers.0.attention.q_proj.weight"), true);
  assert.equal(decays("wav2vec2.masked_spec_embed"), true);
  assert.equal(decays("layer_weights"), true);
  assert.equal(decays("projector.bias"), false);
  assert.equal(decays("wav2vec2.encoder.layers.0.final_layer_norm.weight"), false);
  assert.equal(decays("wav2vec2.encoder.layers.0.adapter_layer.norm.weight"), false);
});

deviceTest("AdamW takes the first step by the learning rate, after decay", async () => {
  const before = engine().memory().numTensors;
  const weight = variable(tensor1d([1, -2]));
  const optimizer = new AdamW(new Map([["w.weight", weight]]));
  const grad = tensor1d([0.5, -3]);
  const norm = optimizer.step(new Map([["w.weight", grad]]), SETTINGS);
  assertAllClose(await weight.data() as Float32Array, [1 * 0.95 - 0.1, -2 * 0.95 + 0.1], {
    atol: 1e-6,
  });
  assertAllClose(await norm.data() as Float32Array, [Math.hypot(0.5, 3)], { atol: 1e-6 });
  for (const tensor of [norm, grad, weight]) tensor.dispose();
  optimizer.dispose();
  assert.ok(engine().memory().numTensors <= before + 1, "the optimiser leaks tensors");
});

deviceTest("AdamW goes on exactly from its saved state", async () => {
  const run = async (steps: number, from?: AdamW): Promise<[AdamW, Float32Array]> => {
    const weight = variable(tensor1d([1, -2, 3]));
    const optimizer = from ?? new AdamW(new Map([["w.weight", weight]]));
    for (let i = 0; i < steps; i++) {
      const grad = tensor1d([0.5, Math.sin(i), -1]);
      optimizer.step(new Map([["w.weight", grad]]), SETTINGS).dispose();
      grad.dispose();
    }
    return [optimizer, await weight.data() as Float32Array];
  };
  const [optimizer] = await run(3);
  const saved = new Map<string, Float32Array>();
  for (const { name, values } of optimizer.tensors()) saved.set(name, await values());
  assert.deepEqual([...saved.keys()], ["m.w.weight", "v.w.weight"]);
  const weight = variable(tensor1d([0, 0, 0]));
  const copy = new AdamW(new Map([["w.weight", weight]]));
  await copy.restore(optimizer.steps, {
    file: "memory",
    names: () => saved.keys(),
    shape: (name) => saved.has(name) ? [3] : undefined,
    read: (name) => Promise.resolve(saved.get(name)!),
  });
  assert.equal(copy.steps, 3);
  const restored = new Map<string, Float32Array>();
  for (const { name, values } of copy.tensors()) restored.set(name, await values());
  assert.deepEqual(restored, saved);
});
