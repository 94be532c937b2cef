import assert from "node:assert/strict";
import { buildModel, type JsonObject } from "../../src/models/mod.ts";
import { useReference } from "../reference/backend.ts";
import { TINY_SPEECH, withModel } from "./_architecture_case.ts";

const CONFIG: JsonObject = { ...TINY_SPEECH, model_type: "wav2vec2", num_labels: undefined };

Deno.test("labels come from id2label, in the order of the numbers", async () => {
  const id2label = {
    10: "k",
    2: "c",
    0: "a",
    1: "b",
    3: "d",
    4: "e",
    5: "f",
    6: "g",
    7: "h",
    8: "i",
    9: "j",
  };
  await withModel({ ...CONFIG, id2label, num_labels: 11 }, (model) => {
    assert.equal(model.labels.join(""), "abcdefghijk");
    assert.deepEqual([model.id2label[10], model.label2id.k], ["k", 10]);
    assert.deepEqual(model.parameters.get("classifier.weight")!.shape, [11, 4]);
  });
});

Deno.test("labels are numbered where there is no id2label, and two where nothing is said", async () => {
  await withModel(
    { ...CONFIG, num_labels: 3 },
    (model) => assert.deepEqual(model.labels, ["LABEL_0", "LABEL_1", "LABEL_2"]),
  );
  await withModel(CONFIG, (model) => assert.deepEqual(model.labels, ["LABEL_0", "LABEL_1"]));
});

Deno.test("labels of the caller take the place of the config's", async () => {
  const json = { ...CONFIG, id2label: { 0: "x", 1: "y" } };
  await withModel(json, (model) => {
    assert.deepEqual(model.labels, ["no", "yes", "__proto__"]);
    assert.deepEqual(Object.entries(model.label2id), [["no", 0], ["yes", 1], ["__proto__", 2]]);
  }, { labels: ["no", "yes", "__proto__"] });
});

Deno.test("labels with gaps, of numbers, or of another count are what they are in the reference", async () => {
  const cases: [JsonObject, string[]][] = [
    [{ id2label: { 0: "a", 5: "b" } }, ["a", "LABEL_1"]],
    [{ id2label: { 1: "a", 2: "b" } }, ["LABEL_0", "a"]],
    [{ id2label: { 0: 1, 1: 2 } }, ["1", "2"]],
    [{ id2label: { 0: "a", 1: "b" }, num_labels: 3 }, ["LABEL_0", "LABEL_1", "LABEL_2"]],
  ];
  for (const [fields, labels] of cases) {
    await withModel({ ...CONFIG, ...fields }, (model) => assert.deepEqual(model.labels, labels));
  }
});

Deno.test("labels without a whole number each are refused", async () => {
  await useReference();
  const refused: [unknown, RegExp][] = [
    ["a", /an object from class number to name/],
    [{}, /1 to \d+ classes/],
    [{ "-1": "a" }, /whole numbers, each once, found "-1"/],
    [{ 0: "a", "00": "b" }, /whole numbers, each once, found "00"/],
    [{ 0: "a", "1.0": "b" }, /whole numbers, each once, found "1.0"/],
    [{ 0: true }, /a name for class 0, found true/],
  ];
  for (const [id2label, message] of refused) {
    const run = buildModel({ ...CONFIG, id2label });
    await assert.rejects(run, { name: "CheckpointError", key: "id2label", message });
  }
  for (const num_labels of [0, -1, 2.5, 1e9, "3"]) {
    const run = buildModel({ ...CONFIG, num_labels });
    const expected = Number.isInteger(num_labels) ? "a value between 1 and 100000" : "an integer";
    await assert.rejects(run, {
      name: "CheckpointError",
      key: "num_labels",
      message: `Cannot read field "num_labels" of "config.json": expected ${expected}, found ${
        JSON.stringify(num_labels)
      }`,
    });
  }
});

Deno.test("labels of the caller must be some", async () => {
  await useReference();
  await assert.rejects(buildModel(CONFIG, { labels: [] }), {
    name: "RangeError",
    message: "Cannot make a model: expected labels, found none",
  });
});
