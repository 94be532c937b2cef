import assert from "node:assert/strict";
import { engine, tensor, type Variable, variable } from "@tensorflow/tfjs-core";
import { CheckpointError } from "../../../src/errors.ts";
import type { ParameterSource } from "../../../src/layers/parameters.ts";
import {
  Adafactor,
  type AdafactorSettings,
  adafactorSettings,
} from "../../../src/train/step/adafactor.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";
import reference from "./adafactor_reference.json" with { type: "json" };

const SETTINGS = {
  learningRate: 0.1,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 0,
};

type Numbers = number[] | number[][] | number[][][];

function parametersAtStart(): Map<string, Variable> {
  return new Map(
    Object.entries<Numbers>(reference.starts).map(([name, numbers]) => {
      const start = tensor(numbers);
      const parameter = variable(start);
      start.dispose();
      return [name, parameter];
    }),
  );
}

function take(
  optimizer: Adafactor,
  given: Readonly<Record<string, Numbers>>,
  settings: Partial<typeof SETTINGS> = {},
): void {
  const gradients = new Map(Object.entries(given).map(([name, g]) => [name, tensor(g)] as const));
  optimizer.step(gradients, { ...SETTINGS, ...settings }).dispose();
  for (const gradient of gradients.values()) gradient.dispose();
}

deviceTest("Adafactor takes the reference's steps", async () => {
  for (const { weightDecay, maxGradNorm, optimArgs, parameters } of reference.cases) {
    const before = engine().memory().numTensors;
    const ours = parametersAtStart();
    const optimizer = new Adafactor(ours, adafactorSettings(optimArgs));
    for (const gradients of reference.gradients) {
      take(optimizer, gradients, { weightDecay, maxGradNorm });
    }
    for (const [name, expected] of Object.entries<Numbers>(parameters)) {
      const found = await ours.get(name)!.data() as Float32Array;
      const label = `${name} with "${optimArgs}"`;
      assertAllClose(found, expected.flat(2) as number[], { rtol: 1e-5, atol: 1e-6, label });
    }
    optimizer.dispose();
    for (const parameter of ours.values()) parameter.dispose();
    assert.ok(engine().memory().numTensors <= before, `${optimArgs} leaks tensors`);
  }
});

/** What an optimiser saves, in memory. */
async function savedBy(optimizer: Adafactor): Promise<ParameterSource> {
  const saved = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  for (const { name, shape, values } of optimizer.tensors()) {
    saved.set(name, { shape, values: Float32Array.from(await values()) });
  }
  return {
    file: "memory",
    names: () => saved.keys(),
    shape: (name) => saved.get(name)?.shape,
    read: (name) => Promise.resolve(saved.get(name)!.values),
  };
}

deviceTest("Adafactor goes on from its saved state to the bit", async () => {
  const own = adafactorSettings("beta1=0.5");
  const [first, second] = reference.gradients;
  const ours = parametersAtStart();
  const optimizer = new Adafactor(ours, own);
  take(optimizer, first!);
  const saved = await savedBy(optimizer);
  const [, columns] = saved.names();
  assert.equal(columns, "columns.w.weight");
  const again = parametersAtStart();
  take(new Adafactor(again, own), first!);
  const copy = new Adafactor(again, own);
  await copy.restore(saved);
  take(optimizer, second!);
  take(copy, second!);
  for (const [name, parameter] of ours) {
    assert.deepEqual(await again.get(name)!.data(), await parameter.data(), name);
  }
  const other = new Adafactor(again, {});
  await other.restore(saved);
  const unkept = new Adafactor(again, own);
  await assert.rejects(unkept.restore(await savedBy(other)), CheckpointError);
  for (const one of [optimizer, copy, other, unkept]) one.dispose();
});

Deno.test("adafactorSettings() reads what the reference takes, and refuses the rest", () => {
  const { eps, decayRate, beta1, relativeStep, scaleParameter } = adafactorSettings(
    "eps=(1e-20, 0.01), decay_rate=-0.5, beta1=0.9, relative_step=True",
  );
  assert.deepEqual([eps, decayRate, beta1, relativeStep, scaleParameter], [
    [1e-20, 0.01],
    -0.5,
    0.9,
    true,
    undefined,
  ]);
  assert.throws(() => adafactorSettings("momentum=1"), /expected eps, clip_threshold, .* found/);
  assert.throws(() => adafactorSettings("eps=1e-30"), /expected two numbers .*, found "eps=1e-30"/);
  assert.throws(() => adafactorSettings("decay_rate=1"), /expected a value between -1 and 0/);
  assert.throws(() => adafactorSettings("warmup_init=1"), /expected relative_step=true beside/);
});

Deno.test("Adafactor's own rate falls with the root of the step, after its rise", () => {
  const rateAt = (own: AdafactorSettings) => new Adafactor(new Map(), own).rateAt;
  assert.equal(rateAt({}), undefined);
  assert.deepEqual([4, 40_000].map((n) => rateAt({ relativeStep: true })?.(n)), [1e-2, 5e-3]);
  assert.equal(rateAt({ relativeStep: true, warmupInit: true })?.(3), 3e-6);
});
