import assert from "node:assert/strict";
import { engine, tensor1d, variable } from "@tensorflow/tfjs-core";
import { AdamW, decays } from "../../../src/train/step/optimizer.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import { kitPath, kitTest, readJson, readTensors } from "../../kit.ts";

const SETTINGS = {
  learningRate: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0.5,
  maxGradNorm: 0,
};

kitTest("decays() agrees with the reference about every parameter of every case", async () => {
  let parameters = 0;
  for (const { name: folder } of Deno.readDirSync(kitPath())) {
    if (!folder.startsWith("wav2vec2-")) continue;
    const meta = await readJson<{ no_weight_decay: string[]; frozen_parameters: string[] }>(
      kitPath(folder, "meta.json"),
    );
    for (const name of (await readTensors(kitPath(folder, "model.safetensors"))).keys()) {
      if (meta.frozen_parameters.includes(name)) continue;
      assert.equal(decays(name), !meta.no_weight_decay.includes(name), `${folder}: ${name}`);
      parameters++;
    }
  }
  assert.ok(parameters > 300, `${parameters} parameters`);
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
  for (const { name, values } of optimizer.tensors()) {
    saved.set(name, Float32Array.from(await values()));
  }
  assert.deepEqual([...saved.keys()], ["m.w.weight", "v.w.weight", "step.w.weight"]);
  const weight = variable(tensor1d([0, 0, 0]));
  const copy = new AdamW(new Map([["w.weight", weight]]));
  await copy.restore({
    file: "memory",
    names: () => saved.keys(),
    shape: (name) => name.startsWith("step.") ? [] : saved.has(name) ? [3] : undefined,
    read: (name) => Promise.resolve(saved.get(name)!),
  });
  const restored = new Map<string, Float32Array>();
  for (const { name, values } of copy.tensors()) {
    restored.set(name, Float32Array.from(await values()));
  }
  assert.deepEqual(restored, saved);
});

deviceTest("AdamW corrects each parameter by the steps that it took part in", async () => {
  const late = variable(tensor1d([1, 2]));
  const always = variable(tensor1d([1, 2]));
  const optimizer = new AdamW(new Map([["late.weight", late], ["always.weight", always]]));
  const grad = tensor1d([1, -1]);
  const step = (...names: string[]) =>
    optimizer.step(new Map(names.map((name) => [name, grad])), SETTINGS).dispose();
  step("always.weight");
  const before = await always.data();
  step("always.weight");
  step("always.weight", "late.weight");
  assertAllClose(await late.data() as Float32Array, before, { atol: 1e-6 });
  for (const tensor of [late, always, grad]) tensor.dispose();
  optimizer.dispose();
});
