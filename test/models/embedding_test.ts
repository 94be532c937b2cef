/**
 * Hidden states as embeddings, against the reference on every golden case and layer.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { withGoldenCase } from "../../src/commands/_golden_case.ts";
import { startTestWasm } from "../devices.ts";
import { GOLDEN_DIR, goldenCases, kitCases } from "../golden_cases.ts";
import { kitPath } from "../kit.ts";

const LIMIT = 5e-5;
/** Its values reach 8, its frames differ by up to 7.8e-5, its means by 4.3e-5: the kit's own limit is 5e-4. */
const FRAME_LIMITS: Readonly<Record<string, number>> = { "sew-d-masked": 1e-4 };

/** Largest differences of means and of frames, over all layers of a case. */
async function differences(directory: string): Promise<Record<string, number>> {
  return await withGoldenCase(directory, async ({ model, batch, expected }) => {
    const { inputs: inputValues, shape, lengths } = batch;
    const masked = lengths && { attentionMask: new Int32Array(0), lengths };
    const input = { inputValues, shape, ...masked };
    let [means, frames, layers] = [0, 0, 0];
    for (; expected.shape(`hidden_states.${layers}`); layers++) {
      const key = `hidden_states.${layers}`;
      const options = { layer: layers, samplingRate: 16_000 };
      const wanted = await expected.read(key);
      const [, most, size] = expected.shape(key) as [number, number, number];
      const all = await model.embed(input, { ...options, pooling: "frames" });
      const pooled = await model.embed(input, options);
      for (const [clip, { values, times }] of all.entries()) {
        const own = wanted.subarray(clip * most * size, clip * most * size + values.length);
        frames = Math.max(frames, largest(values, own));
        means = Math.max(means, largest(pooled[clip]!.values, meanRow(own, size)));
        assert.equal(times!.length, values.length / size);
      }
      if (lengths && expected.shape("frame_lengths") && most === model.frames(shape[1]!)) {
        const counts = all.map(({ values }) => values.length / size);
        assert.deepEqual(counts, [...await expected.read("frame_lengths")]);
      }
    }
    assert.ok(layers > 1, "hidden states to compare");
    await assert.rejects(() => model.embed(input, { layer: layers, samplingRate: 16_000 }), {
      name: "RangeError",
    });
    return { means, frames };
  });
}

function largest(found: Float32Array, wanted: ArrayLike<number>): number {
  assert.equal(found.length, wanted.length);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
}

function meanRow(rows: Float32Array, size: number): Float64Array {
  const mean = new Float64Array(size);
  for (const [i, value] of rows.entries()) mean[i % size] = mean[i % size]! + value;
  return mean.map((sum) => sum / (rows.length / size));
}

const cases = [
  ...goldenCases().map((name) => [`golden case ${name}`, join(GOLDEN_DIR, name)] as const),
  ...kitCases().map((name) => [`kit case ${name}`, kitPath(name)] as const),
];

for (const [name, directory] of cases) {
  Deno.test(`embed() gives the hidden states of ${name}`, async () => {
    const device = await startTestWasm({ threads: 1 });
    try {
      const { means, frames } = await differences(directory);
      const limit = FRAME_LIMITS[basename(directory)] ?? LIMIT;
      assert.ok(means! <= LIMIT && frames! <= limit, `means ${means}, frames ${frames}`);
    } finally {
      device.dispose();
    }
  });
}
