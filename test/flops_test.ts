import assert from "node:assert/strict";
import { engine, type Tensor, tensor1d, tidy, zeros } from "@tensorflow/tfjs-core";
import { countFlops } from "../src/flops.ts";
import {
  activation,
  add,
  attention,
  conv1d,
  layerNorm,
  linear,
  meanPool,
  relativeScores,
} from "../src/kernels.ts";
import { buildModel } from "../src/models/mod.ts";
import { startTestWasm } from "./devices.ts";
import { TINY_ARCHITECTURES, tinyInputs } from "./tiny_architectures.ts";

function flopsOf(body: () => Tensor): number {
  return countFlops(() => void tidy(() => void body()));
}

Deno.test("countFlops() counts a multiplication and an addition for each term of a product", async () => {
  const device = await startTestWasm({ threads: 1 });
  const x = zeros([2, 5, 12]);
  const cases: [expected: number, body: () => Tensor][] = [
    [2 * 2 * 5 * 12 * 7, () => linear(x, zeros([7, 12]), { bias: zeros([7]), activation: "gelu" })],
    [2 * 2 * 2 * 8 * 12 * 3, () => conv1d(x, zeros([8, 12, 3]), { stride: 2 })],
    [
      2 * 2 * 5 * 8 * 3 * 3,
      () => conv1d(x, zeros([8, 3, 3]), { groups: 4, padLeft: 1, padRight: 1 }),
    ],
    [2 * 2 * 2 * 5 * 5 * 12, () => attention(x, x, x, { heads: 3 })],
    [2 * 2 * 2 * 5 * 5 * 12, () => attention(x, x, x, { heads: 3, bias: zeros([1, 3, 5, 5]) })],
    [2 * 2 * 5 * 5 * 12, () => {
      const index = tensor1d(new Int32Array(9), "int32");
      return relativeScores(x, zeros([4, 12]), index, { heads: 3 });
    }],
    [0, () => meanPool(add(x, activation(x, "gelu")))],
    [0, () => layerNorm(x, zeros([12]), zeros([12]), { eps: 1e-5 })],
  ];
  for (const [expected, body] of cases) assert.equal(flopsOf(body), expected, `${body}`);
  x.dispose();
  device.dispose();
});

Deno.test("countFlops() of a model grows with its layers, and with its clips", async () => {
  const device = await startTestWasm({ threads: 1 });
  for (const [name, tiny] of Object.entries(TINY_ARCHITECTURES)) {
    const counts: number[] = [];
    for (const [clips, depth] of [[1, 1], [2, 1], [1, 2], [1, 3]] as const) {
      const layers = { num_hidden_layers: depth, encoder_layers: depth, depth };
      const model = await buildModel({ ...tiny.config, ...layers }, { seed: 1 });
      const inputs = tinyInputs(tiny, clips);
      const before = engine().memory().numTensors;
      counts.push(countFlops(() => tidy(() => void model.forward({ inputs }))));
      assert.equal(engine().memory().numTensors, before);
      inputs.dispose();
      model.dispose();
    }
    const [one, two, deeper, deepest] = counts as [number, number, number, number];
    // SEW-D's and Conformer's tables of distances are multiplied once for all clips.
    assert.ok(two > 1.8 * one && two <= 2 * one, `${name}: ${counts}`);
    // EfficientAT's depth is fixed.
    if (name === "efficientat") continue;
    assert.ok(deeper > one && deepest - deeper === deeper - one, `${name}: ${counts}`);
  }
  device.dispose();
});
