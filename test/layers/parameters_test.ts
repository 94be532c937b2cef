import assert from "node:assert/strict";
import {
  constant,
  ParameterReader,
  type ParameterReaderOptions,
  type ParameterSource,
} from "../../src/layers/parameters.ts";
import { Random } from "../../src/random.ts";
import { layerTest, numbers } from "./_layer_case.ts";

/** A checkpoint whose tensors hold one number each: 1, 2 and so on. */
function checkpoint(...names: string[]): ParameterSource {
  return {
    file: "model.safetensors",
    names: () => names,
    shape: (name) => names.includes(name) ? [1] : undefined,
    read: (name) => Promise.resolve(Float32Array.of(names.indexOf(name) + 1)),
  };
}

function readerOf(options: Partial<ParameterReaderOptions>): ParameterReader {
  return new ParameterReader({ basePrefix: "encoder", random: new Random(1), ...options });
}

for (const [kind, stored] of [["own", "encoder.w"], ["bare", "w"], ["larger", "model.encoder.w"]]) {
  layerTest(
    `ParameterReader finds the base model in a checkpoint of the ${kind} model`,
    async () => {
      const source = checkpoint("other", stored!, "classifier.w");
      const reader = readerOf({ source, outerPrefix: "model" });
      assert.deepEqual(numbers(await reader.at("encoder").get("w", [1], constant(0))), [2]);
      assert.deepEqual(numbers(await reader.at("classifier").get("w", [1], constant(0))), [3]);
      assert.deepEqual([...reader.parameters.keys()], ["encoder.w", "classifier.w"]);
      assert.deepEqual(reader.report(), { missing: [], mismatched: [], unexpected: ["other"] });
    },
  );
}

layerTest("ParameterReader looks for the head under its own name only", async () => {
  const reader = readerOf({ source: checkpoint("model.classifier.w"), outerPrefix: "model" });
  await reader.at("classifier").get("w", [1], constant(7));
  assert.deepEqual(reader.report().missing, ["classifier.w"]);
});

layerTest("ParameterReader.get() gives what training leaves alone as such", async () => {
  const reader = readerOf({});
  const free = await reader.get("free", [1], constant(0));
  const fixed = await reader.get("fixed", [1], constant(0), { trainable: false });
  assert.deepEqual([free.trainable, fixed.trainable], [true, false]);
  assert.deepEqual([...reader.parameters.keys()], ["free", "fixed"]);
});

layerTest("ParameterReader.get() draws only so much of what a checkpoint lacks", async () => {
  const never = () => assert.fail("drawn");
  const lacking = {
    name: "CheckpointError",
    file: "model.safetensors",
    key: "w",
    message: /expected at most 67108864 numbers missing, found \d+$/,
  };
  const reader = readerOf({ source: checkpoint("other") });
  await assert.rejects(reader.get("w", [2 ** 14, 2 ** 12 + 1], never), lacking);
  const again = readerOf({ source: checkpoint("other") });
  await again.at("layers", 0).get("v", [1], constant(0));
  await assert.rejects(again.get("w", [2 ** 26], never), lacking);
  await assert.rejects(readerOf({}).get("w", [2 ** 27], never), { message: "drawn" });
});

layerTest("ParameterReader.get() takes integers for integers only", async () => {
  const stored = { ...checkpoint("w"), dtype: () => "I64" };
  const message = 'Cannot load tensor "w" of "model.safetensors": ' +
    "expected one of F64, F32, F16, BF16, found I64";
  await assert.rejects(readerOf({ source: stored }).get("w", [1], constant(0)), { message });
  const counter = await readerOf({ source: stored }).get("w", [1], constant(0), { dtype: "int32" });
  assert.deepEqual(numbers(counter), [1]);
  const real = { ...stored, dtype: () => "BF16" };
  assert.deepEqual(numbers(await readerOf({ source: real }).get("w", [1], constant(0))), [1]);
});
