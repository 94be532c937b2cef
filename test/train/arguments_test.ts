import assert from "node:assert/strict";
import { TRAINING_OPTIONS, TrainingArguments } from "../../src/train/arguments.ts";

const OUT = { outputDir: "out" };

Deno.test("TrainingArguments has the reference's defaults", () => {
  const args = new TrainingArguments(OUT);
  assert.deepEqual(
    [args.learningRate, args.numTrainEpochs, args.perDeviceTrainBatchSize, args.weightDecay],
    [5e-5, 3, 8, 0],
  );
  assert.deepEqual([args.adamBeta1, args.adamBeta2, args.adamEpsilon], [0.9, 0.999, 1e-8]);
  assert.deepEqual([args.maxGradNorm, args.seed, args.lrSchedulerType], [1, 42, "linear"]);
});

Deno.test("TrainingArguments knows by itself whether more is better", () => {
  assert.equal(new TrainingArguments(OUT).greaterIsBetter, false);
  assert.equal(
    new TrainingArguments({ ...OUT, metricForBestModel: "accuracy" }).greaterIsBetter,
    true,
  );
  assert.equal(
    new TrainingArguments({ ...OUT, metricForBestModel: "eval_loss" }).greaterIsBetter,
    false,
  );
});

Deno.test("TrainingArguments refuses unknown names, wrong kinds and values out of range", () => {
  const make = (options: object) => () => new TrainingArguments({ ...OUT, ...options });
  assert.throws(make({ learningrate: 1 }), /training argument "learningrate": there is none/);
  assert.throws(make({ learningRate: "fast" }), /"learningRate": expected a number, found "fast"/);
  assert.throws(
    make({ learningRate: -1 }),
    /"learningRate": expected a value between 0 and 10, found -1/,
  );
  assert.throws(make({ maxSteps: 1.5 }), /"maxSteps": expected an integer, found 1.5/);
  assert.throws(make({ evalStrategy: "often" }), /expected one of no, epoch, steps, found "often"/);
  assert.throws(make({ freezeBaseModel: 1 }), /"freezeBaseModel": expected true or false, found 1/);
  assert.throws(make({ numTrainEpochs: 0 }), /"numTrainEpochs": expected a value between 0.000001/);
  assert.throws(make({ outputDir: undefined }), /"outputDir": expected some text, found undefined/);
  assert.throws(make({ outputDir: "" }), /"outputDir": expected some text, found ""/);
  assert.throws(make({ ["__proto__x"]: 1 }), /there is none of that name/);
});

Deno.test("TrainingArguments refuses arguments that contradict each other", () => {
  const make = (options: object) => () => new TrainingArguments({ ...OUT, ...options });
  assert.throws(make({ loadBestModelAtEnd: true, evalStrategy: "no" }), /to find the best model/);
  assert.throws(make({ earlyStoppingPatience: 2, evalStrategy: "no" }), /to find the best model/);
  assert.throws(
    make({ loadBestModelAtEnd: true, saveStrategy: "steps" }),
    /to keep the best model/,
  );
  assert.throws(
    make({
      loadBestModelAtEnd: true,
      saveStrategy: "steps",
      evalStrategy: "steps",
      evalSteps: 3,
      saveSteps: 10,
    }),
    /expected saveSteps to be a multiple of evalSteps 3, found 10/,
  );
});

Deno.test("every training argument has help and a valid default", () => {
  for (const [name, row] of Object.entries(TRAINING_OPTIONS)) {
    assert.ok(row.help.length > 5, name);
    if (row.default === undefined) continue;
    assert.doesNotThrow(() => new TrainingArguments({ ...OUT, [name]: row.default }), name);
  }
});
