import assert from "node:assert/strict";
import {
  compareScores,
  layerOf,
  type LayerTrial,
  MIN_COSINE,
  type SetComparison,
  widen,
} from "../../src/export/_precision.ts";

function trial(layer: string, cosine: number): LayerTrial {
  return { layer, parameters: 1, cosine, precision: "int8" };
}

function set(cosine: number): SetComparison {
  return { set: "test", clips: 1, cosine, lowestCosine: cosine, accuracy: null };
}

/** Scores that are close enough once these layers are wide. */
function measureUntil(layers: LayerTrial[], needed: string[], order: string[]) {
  return (changed: LayerTrial) => {
    order.push(changed.layer);
    const wide = layers.filter(({ precision }) => precision === "float32").map((l) => l.layer);
    const enough = needed.every((layer) => wide.includes(layer));
    return Promise.resolve([set(1), set(enough ? MIN_COSINE : 0.9)]);
  };
}

Deno.test("widen() leaves all layers in 8 bits where the scores are close enough", async () => {
  const layers = [trial("a", 0.5)];
  const found = await widen(layers, [set(MIN_COSINE)], () => assert.fail("measured again"));
  assert.deepEqual([found, layers[0]!.precision], [[set(MIN_COSINE)], "int8"]);
});

Deno.test("widen() gives 32 bits to the worst layers, and to no more than it must", async () => {
  const layers = [trial("good", 0.9999), trial("bad", 0.99), trial("worse", 0.9)];
  const order: string[] = [];
  const found = await widen(layers, [set(0.5)], measureUntil(layers, ["worse", "bad"], order));
  assert.deepEqual(order, ["worse", "bad"]);
  assert.deepEqual(layers.map((l) => l.precision), ["int8", "float32", "float32"]);
  assert.deepEqual(found, [set(1), set(MIN_COSINE)]);
});

Deno.test("widen() takes scores that are no numbers for the worst", async () => {
  const layers = [trial("bad", 0.1), trial("odd", NaN)];
  const order: string[] = [];
  await widen(layers, [set(NaN)], measureUntil(layers, ["odd"], order));
  assert.deepEqual(order, ["odd"]);
});

Deno.test("widen() ends where every layer has 32 bits", async () => {
  const layers = [trial("a", 1), trial("b", 1)];
  const found = await widen(layers, [set(0)], () => Promise.resolve([set(0.5)]));
  assert.deepEqual([found, layers.every((l) => l.precision === "float32")], [[set(0.5)], true]);
});

Deno.test("compareScores() gives the cosine of all, of the worst clip, and both accuracies", () => {
  const labels = Int32Array.of(0, 1);
  const expected = { logits: Float32Array.of(3, 0, 0, 1), classes: 2, labels };
  const found = { logits: Float32Array.of(3, 0, 1, 0), classes: 2, labels };
  assert.deepEqual(compareScores("test", expected, found), {
    ...{ set: "test", clips: 2, cosine: 9 / 10, lowestCosine: 0 },
    accuracy: { f32: 1, q8: 0.5 },
  });
  const silent = { logits: new Float32Array(2), classes: 2, labels: Int32Array.of(0) };
  assert.equal(compareScores("test", silent, silent).cosine, 1);
});

Deno.test("layerOf() takes weights together that stand in one part of a numbered layer", () => {
  assert.equal(
    layerOf("w.encoder.layers.3.attention.q_proj.weight"),
    "w.encoder.layers.3.attention",
  );
  assert.equal(layerOf("w.conv_layers.0.conv.weight"), "w.conv_layers.0.conv");
  assert.equal(layerOf("w.encoder.layers.0.fc1.weight"), "w.encoder.layers.0.fc1");
  assert.equal(layerOf("projector.weight"), "projector");
  assert.equal(layerOf("w.conv.parametrizations.weight.original1"), "w.conv");
});
