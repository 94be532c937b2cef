import assert from "node:assert/strict";
import { UnsupportedOpError } from "../../../src/errors.ts";
import {
  camelCase,
  EFFECTLESS_OPTIONS,
  isDerived,
  isEffectless,
  OPTION_NAMES,
  optionName,
  refusalOf,
  snakeCase,
  stepsOf,
  TRAINING_OPTIONS,
  TrainingArguments,
} from "../../../src/train/options/arguments.ts";

import reference from "./reference_arguments.json" with { type: "json" };

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
    /expected `saveSteps` to be a multiple of `evalSteps: 3`, found 10/,
  );
});

Deno.test("every training argument has help and a valid default", () => {
  for (const [name, row] of Object.entries(TRAINING_OPTIONS)) {
    assert.ok(row.help.length > 5, name);
    if (isDerived<unknown>(row.default)) continue;
    assert.doesNotThrow(() => new TrainingArguments({ ...OUT, [name]: row.default }), name);
  }
});

Deno.test("TrainingArguments takes defaults from other arguments", () => {
  const args = new TrainingArguments({ ...OUT, loggingSteps: 10, seed: 7, loraRank: 4 });
  assert.deepEqual([args.evalSteps, args.dataSeed, args.loraAlpha], [10, 7, 8]);
  assert.equal(args.trainSamplingStrategy, "group_by_length");
  const random = new TrainingArguments({ ...OUT, groupByLength: false });
  assert.equal(random.trainSamplingStrategy, "random");
  const { runName, augmentNoiseDir } = args;
  assert.deepEqual([runName, augmentNoiseDir], [undefined, undefined]);
});

Deno.test("TrainingArguments takes lists and named numbers, also as text", () => {
  const args = (options: object) => new TrainingArguments({ ...OUT, ...options });
  assert.deepEqual(args({ loraTarget: "q_proj, out_proj" }).loraTarget, ["q_proj", "out_proj"]);
  assert.deepEqual(args({ loraTarget: ["k_proj"] }).loraTarget, ["k_proj"]);
  assert.deepEqual(args({ classWeights: "1,0.5" }).classWeights, [1, 0.5]);
  assert.equal(args({ classWeights: "balanced" }).classWeights, "balanced");
  assert.deepEqual(args({ lrSchedulerKwargs: '{"num_cycles": 3}' }).lrSchedulerKwargs, {
    numCycles: 3,
  });
});

Deno.test("TrainingArguments refuses broken lists, numbers and shares", () => {
  const make = (options: object) => () => new TrainingArguments({ ...OUT, ...options });
  const weights = /"classWeights": expected none, balanced, a list of numbers from 0 up, found/;
  for (const classWeights of ["even", "1,,2", "", [], [1, -1], [1, "x"], 3]) {
    assert.throws(make({ classWeights }), weights);
  }
  assert.throws(make({ loraTarget: [1] }), /"loraTarget": expected a list of names, found \[1\]/);
  const settings = /"lrSchedulerKwargs": expected settings under the names numCycles, power/;
  for (const lrSchedulerKwargs of ["{", "3", [1], { cycles: 1 }]) {
    assert.throws(make({ lrSchedulerKwargs }), settings);
  }
  assert.throws(make({ lrSchedulerKwargs: { power: "2" } }), /expected a number as power, found/);
  assert.throws(
    make({ lrSchedulerKwargs: { decay_type: "log" } }),
    /expected one of linear, cosine, 1-sqrt as decayType, found/,
  );
  for (const lrSchedulerType of ["reduce_lr_on_plateau", "greedy"]) {
    assert.throws(
      make({ lrSchedulerType, evalStrategy: "no" }),
      /expected `evalStrategy` "epoch" or "steps", found "no"/,
    );
  }
  assert.throws(make({ evalSteps: 1.5 }), /"evalSteps": expected an integer or a share below 1/);
  assert.throws(
    make({ augmentNoiseMinSnrDb: 30, augmentNoiseMaxSnrDb: 20 }),
    /"augmentNoiseMaxSnrDb": expected at least `augmentNoiseMinSnrDb: 30`, found 20/,
  );
  assert.throws(make({ saveStrategy: "best", evalStrategy: "no" }), /to find the best model/);
});

Deno.test("stepsOf() takes a share of all steps, and at least one", () => {
  assert.deepEqual([stepsOf(5, 9), stepsOf(0.5, 9), stepsOf(0.001, 9)], [5, 5, 1]);
});

Deno.test("the interface of arguments states the defaults of the table", async () => {
  const file = new URL("../../../src/train/options/_training_options.ts", import.meta.url);
  const source = await Deno.readTextFile(file);
  const fields = source.slice(source.indexOf("export interface TrainingOptions"))
    .matchAll(/@default ((?:(?!\*\/).)+?)\s*\*\/\s+(\w+)\??:/g);
  const stated = Array.from(fields, ([, text, name]) => [name!, text!] as const);
  for (const [name, text] of stated) {
    const byDefault: unknown = TRAINING_OPTIONS[optionName(name)].default;
    if (isDerived(byDefault)) assert.equal(text, byDefault.text, name);
    else assert.deepEqual(JSON.parse(text), byDefault, name);
  }
  assert.deepEqual(stated.map(([name]) => name), OPTION_NAMES);
});

/** The reference's arguments that there are not here, under their names there. */
const REFUSED = [
  "accelerator_config",
  "batch_eval_metrics",
  "bf16",
  "bf16_full_eval",
  "debug",
  "deepspeed",
  "do_eval",
  "do_predict",
  "do_train",
  "enable_jit_checkpoint",
  "eval_do_concat_batches",
  "fp16",
  "fp16_full_eval",
  "fsdp",
  "fsdp_config",
  "include_for_metrics",
  "include_num_input_tokens_seen",
  "label_names",
  "liger_kernel_config",
  "logging_nan_inf_filter",
  "neftune_noise_alpha",
  "optim_target_modules",
  "parallelism_config",
  "remove_unused_columns",
  "resume_from_checkpoint",
  "skip_memory_metrics",
  "tf32",
  "torch_compile",
  "torch_compile_backend",
  "torch_compile_mode",
  "use_liger_kernel",
];

type Status = "used" | "without effect" | "refused" | "unknown";

function statusOf(name: string): Status {
  const inCode = camelCase(name);
  if (name === "output_dir" || Object.hasOwn(TRAINING_OPTIONS, inCode)) return "used";
  if (isEffectless(inCode)) return "without effect";
  return refusalOf(name) ? "refused" : "unknown";
}

Deno.test("every argument of the reference is there, without effect there too, or refused", () => {
  const names = Object.keys(reference.defaults);
  assert.equal(names.length, 112);
  const by = Object.groupBy(names, statusOf);
  assert.deepEqual(by.unknown ?? [], []);
  assert.deepEqual(by.refused?.toSorted(), REFUSED);
  assert.deepEqual([by.used?.length, by["without effect"]?.length], [55, 26]);
});

Deno.test("an argument that is refused says why, and what to do", () => {
  for (const name of REFUSED) {
    assert.throws(() => new TrainingArguments({ ...OUT, [name]: 1 }), ({ message, hint }) => {
      assert.match(message, new RegExp(`^Cannot use training argument "${name}": [a-z]`));
      assert.doesNotMatch(message, /there is none of that name/);
      return hint.length > 5;
    });
  }
});

Deno.test("every word of the reference is taken, or refused with a reason", () => {
  const taken: Record<string, number> = {};
  for (const [name, values] of Object.entries(reference.values)) {
    taken[name] = 0;
    for (const value of values) {
      try {
        new TrainingArguments({ ...OUT, [camelCase(name)]: value });
        taken[name]++;
      } catch (error) {
        assert.ok(error instanceof UnsupportedOpError, `${name} ${value}: ${error}`);
        assert.match(error.message, new RegExp(`^Cannot use training argument .* as "${value}": `));
        assert.ok(error.hint!.length > 5);
      }
    }
  }
  assert.deepEqual(taken, { optim: 6, lr_scheduler_type: 12, hub_strategy: 4 });
});

Deno.test("a name of the reference is answered with its name in code", () => {
  for (const name of Object.keys(reference.defaults)) {
    const inCode = camelCase(name);
    if (name === inCode || REFUSED.includes(name)) continue;
    const wrongName = new RegExp(`"${name}": its name in code is "${inCode}"`);
    assert.throws(() => new TrainingArguments({ ...OUT, [name]: 1 }), wrongName);
  }
});

Deno.test("arguments without effect have the reference's defaults, are checked and not kept", () => {
  for (const [name, row] of Object.entries(EFFECTLESS_OPTIONS)) {
    const theirs: unknown = Reflect.get(reference.defaults, snakeCase(name));
    assert.ok(theirs !== undefined, name);
    if (theirs !== null) assert.deepEqual(row.default, theirs, name);
    else assert.ok(isDerived<unknown>(row.default) || name.endsWith("Kwargs"), name);
    assert.throws(() => new TrainingArguments({ ...OUT, [name]: [1] }), /training argument/, name);
  }
  const args = new TrainingArguments({ ...OUT, ddpTimeout: 60, dataloaderNumWorkers: 4 });
  assert.deepEqual({ ...args }, { ...new TrainingArguments(OUT) });
});

Deno.test("TrainingArguments keeps the token out of everything that shows them all", () => {
  const args = new TrainingArguments({ ...OUT, hubToken: "hf_secret" });
  assert.equal(args.hubToken, "hf_secret");
  assert.doesNotMatch(JSON.stringify([args, { ...args }, Object.entries(args)]), /secret/);
  assert.doesNotMatch(Deno.inspect(args), /secret/);
});

Deno.test("optimArgs is taken with sgd and adafactor alone", () => {
  const optimArgs = "momentum=0.9";
  assert.equal(new TrainingArguments({ ...OUT, optim: "sgd", optimArgs }).optimArgs, optimArgs);
  assert.throws(
    () => new TrainingArguments({ ...OUT, optimArgs }),
    /"optimArgs": expected `optim` "sgd" or "adafactor", found "adamw_torch"/,
  );
});

Deno.test("the table says which arguments are the reference's", () => {
  for (const [name, { isReferences }] of Object.entries(TRAINING_OPTIONS)) {
    assert.equal(isReferences, Object.hasOwn(reference.defaults, snakeCase(name)), name);
  }
});

Deno.test("defaults are the reference's but for those that a reader of docs/training.md knows", () => {
  const others = Object.entries(TRAINING_OPTIONS).filter(([name, row]) => {
    const theirs = Reflect.get(reference.defaults, snakeCase(name));
    const isSame = theirs === null || JSON.stringify(theirs) === JSON.stringify(row.default);
    return row.isReferences && !isSame;
  });
  assert.deepEqual(others.map(([name]) => name).sort(), [
    "evalStrategy",
    "hubStrategy",
    "loggingStrategy",
    "maxSteps",
    "optim",
    "restoreCallbackStatesFromCheckpoint",
    "saveSteps",
    "saveStrategy",
    "trainSamplingStrategy",
  ]);
});

Deno.test("steps of saving that nobody gave fall on evaluations", () => {
  const steps = { evalStrategy: "steps", saveStrategy: "steps", loggingSteps: 300 } as const;
  const saveSteps = (options: object) =>
    new TrainingArguments({ ...OUT, ...steps, ...options }).saveSteps;
  assert.equal(saveSteps({}), 500);
  assert.equal(saveSteps({ loadBestModelAtEnd: true }), 600);
  assert.equal(saveSteps({ loadBestModelAtEnd: true, evalSteps: 0.25 }), 0.25);
  assert.equal(saveSteps({ loadBestModelAtEnd: true, evalSteps: 700 }), 700);
  assert.throws(
    () => saveSteps({ loadBestModelAtEnd: true, saveSteps: 500 }),
    /expected `saveSteps` to be a multiple of `evalSteps: 300`, found 500/,
  );
});

Deno.test("TrainingArguments takes a delay up to its limit, and none beyond", () => {
  const limit = 1e9;
  assert.equal(new TrainingArguments({ outputDir: "out", evalDelay: limit }).evalDelay, limit);
  assert.throws(
    () => new TrainingArguments({ outputDir: "out", evalDelay: limit + 1 }),
    RangeError,
  );
});
