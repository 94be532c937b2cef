import assert from "node:assert/strict";
import { engine, tensor1d, type Variable, variable } from "@tensorflow/tfjs-core";
import { Sgd, type SgdSettings, sgdSettings } from "../../../src/train/step/sgd.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import reference from "./sgd_reference.json" with { type: "json" };

const SETTINGS = {
  learningRate: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 0,
};

function parametersAtStart(): Map<string, Variable> {
  const values = { "w.weight": [1, -2, 3], "w.bias": [0.5, -0.25] };
  return new Map(
    Object.entries(values).map(([name, numbers]) => {
      const start = tensor1d(numbers);
      const parameter = variable(start);
      start.dispose();
      return [name, parameter];
    }),
  );
}

function take(
  optimizer: Sgd,
  given: Readonly<Record<string, number[]>>,
  settings: Partial<typeof SETTINGS> = {},
): void {
  const gradients = new Map(Object.entries(given).map(([name, g]) => [name, tensor1d(g)] as const));
  optimizer.step(gradients, { ...SETTINGS, ...settings }).dispose();
  for (const gradient of gradients.values()) gradient.dispose();
}

deviceTest("Sgd takes PyTorch's steps", async () => {
  for (const { weightDecay, maxGradNorm, own, parameters } of reference.cases) {
    const before = engine().memory().numTensors;
    const ours = parametersAtStart();
    const optimizer = new Sgd(ours, own as SgdSettings);
    for (const gradients of reference.gradients) {
      take(optimizer, gradients, { weightDecay, maxGradNorm });
    }
    for (const [name, expected] of Object.entries(parameters)) {
      assertAllClose(await ours.get(name)!.data() as Float32Array, expected, {
        rtol: 1e-5,
        atol: 1e-7,
      });
    }
    optimizer.dispose();
    for (const parameter of ours.values()) parameter.dispose();
    assert.ok(engine().memory().numTensors <= before, `${JSON.stringify(own)} leaks tensors`);
  }
});

deviceTest("Sgd goes on exactly from its saved momentum", async () => {
  const gradients = { "w.weight": [0.5, -1, 0.25], "w.bias": [1, 2] };
  const ours = parametersAtStart();
  const optimizer = new Sgd(ours, { momentum: 0.9 });
  take(optimizer, gradients);
  const saved = new Map<string, Float32Array>();
  for (const { name, values } of optimizer.tensors()) {
    saved.set(name, Float32Array.from(await values()));
  }
  assert.deepEqual([...saved.keys()], ["momentum.w.weight", "momentum.w.bias"]);
  const copy = new Sgd(ours, { momentum: 0.9 });
  await copy.restore({
    file: "memory",
    names: () => saved.keys(),
    shape: (name) => saved.has(name) ? [saved.get(name)!.length] : undefined,
    read: (name) => Promise.resolve(saved.get(name)!),
  });
  const start = await ours.get("w.bias")!.data() as Float32Array;
  take(copy, gradients);
  const moved = await ours.get("w.bias")!.data() as Float32Array;
  assertAllClose(moved, start.map((value, i) => value - 0.1 * 1.9 * [1, 2][i]!), { atol: 1e-6 });
  optimizer.dispose();
  copy.dispose();
});

Deno.test("sgdSettings() reads what the reference takes, and refuses the rest", () => {
  assert.deepEqual(sgdSettings(), {});
  assert.deepEqual(sgdSettings("momentum=0.9, nesterov=true"), { momentum: 0.9, nesterov: true });
  assert.deepEqual(sgdSettings("weight_decay=0.1,dampening=0"), { weightDecay: 0.1, dampening: 0 });
  assert.throws(() => sgdSettings("betas=1"), /expected momentum, dampening, .* found "betas=1"/);
  assert.throws(
    () => sgdSettings("momentum="),
    /expected a value between 0 and 1, found "momentum/,
  );
  assert.throws(() => sgdSettings("nesterov=1"), /expected momentum and no dampening beside/);
});
