import assert from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { buildModel, type ProblemType } from "../../src/models/mod.ts";
import { TINY_SPEECH, withModel } from "./_architecture_case.ts";

const TINY = { ...TINY_SPEECH, model_type: "wav2vec2" };

const CASES: [Record<string, unknown>, ProblemType][] = [
  [{}, "single_label_classification"],
  [{ num_labels: 1 }, "regression"],
  [{ problem_type: null }, "single_label_classification"],
  [{ num_labels: 1, problem_type: "multi_label_classification" }, "multi_label_classification"],
  [{ problem_type: "regression" }, "regression"],
];

for (const [fields, expected] of CASES) {
  Deno.test(`a config of ${JSON.stringify(fields)} means ${expected}`, async () => {
    await withModel({ ...TINY, ...fields }, (model) => {
      assert.equal(model.problemType, expected);
      const kept = model.toConfig().problem_type;
      const wanted = expected === "single_label_classification" ? fields.problem_type : expected;
      assert.equal(kept, wanted);
    });
  });
}

Deno.test("buildModel() puts the caller's problem type in place of the config's", async () => {
  const problemType = "multi_label_classification";
  await withModel({ ...TINY, problem_type: "regression" }, (model) => {
    assert.equal(model.problemType, problemType);
    assert.equal(model.toConfig().problem_type, problemType);
  }, { problemType });
});

Deno.test("buildModel() refuses an unknown problem type", async () => {
  await assert.rejects(buildModel({ ...TINY, problem_type: "ranking" }), (error) => {
    return error instanceof CheckpointError && error.key === "problem_type";
  });
});
