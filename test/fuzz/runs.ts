/**
 * Inputs for what a run goes on from: the JSON files of a checkpoint.
 *
 * @module
 */
import { deepEqual, ok } from "node:assert/strict";
import { Noise } from "../../src/layers/noise.ts";
import { restoreStates } from "../../src/train/callbacks/callbacks.ts";
import { EarlyStoppingCallback } from "../../src/train/callbacks/early_stopping.ts";
import { resumeStateOf, stateJson, stateOf } from "../../src/train/checkpoints/_state_json.ts";
import { expectSameRun, runFactsOf } from "../../src/train/checkpoints/run_facts.ts";
import { LossLog } from "../../src/train/loop/_loss_log.ts";
import { TrainingArguments } from "../../src/train/options/arguments.ts";
import { greedyRate } from "../../src/train/step/greedy.ts";
import { plateauRate } from "../../src/train/step/plateau.ts";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { readJsonFile } from "../../src/weights/json_file.ts";
import type { Dice } from "./dice.ts";
import { broken, brokenJson } from "./json.ts";
import type { FuzzTarget } from "./target.ts";

const STATE = {
  best_global_step: 2,
  best_metric: 0.5,
  best_model_checkpoint: "checkpoint-2",
  epoch: 1.5,
  eval_steps: 0,
  global_step: 3,
  is_local_process_zero: true,
  log_history: [
    { step: 1, epoch: 0.5, loss: 1.5, grad_norm: 2, learning_rate: 1e-3 },
    { step: 2, epoch: 1, eval_loss: 0.5, eval_accuracy: null },
  ],
  logging_steps: 0,
  max_steps: 6,
  num_train_epochs: 3,
  save_steps: 0,
  stateful_callbacks: {
    EarlyStoppingCallback: {
      args: { early_stopping_patience: 3 },
      attributes: { early_stopping_patience_counter: 1 },
    },
  },
  total_flos: 1e12,
  train_batch_size: 2,
};

const ARGS = new TrainingArguments({ outputDir: "out", learningRate: 1e-3 });

const RUN = {
  classes: ["no", "yes"],
  config: { model_type: "wav2vec2", hidden_size: 8 },
  clips: 4,
  data: "0123",
  args: { ...ARGS },
};

const RESUME = {
  epoch: 1,
  batches: 1,
  skippedSteps: 0,
  flopsPerInput: 1e6,
  noise: [1, 2, 3, 4],
  lossSum: 0.5,
  lossSteps: 1,
  totalLoss: 2,
  gradNorm: 1,
  run: RUN,
};

async function jsonOf(bytes: Uint8Array, name: string): Promise<Record<string, unknown>> {
  const open = (file: string) => Promise.resolve(bytesSource(file, bytes));
  return await readJsonFile({ open }, name);
}

/** The state is what is written again, and everything that is computed from it is a number. */
async function parseState(bytes: Uint8Array): Promise<void> {
  const state = stateOf(await jsonOf(bytes, "trainer_state.json"), "trainer_state.json");
  const written = stateJson(state);
  deepEqual(stateOf(written, "trainer_state.json"), state);
  ok(Number.isSafeInteger(state.globalStep) && state.globalStep >= 0, `${state.globalStep} steps`);
  restoreStates([new EarlyStoppingCallback()], state.statefulCallbacks);
  const metrics = state.logHistory.map((entry) => entry.eval_loss ?? NaN);
  for (const rate of [plateauRate(1, metrics), greedyRate(1, metrics)]) {
    ok(Number.isFinite(rate) && rate >= 0, `a learning rate of ${rate}`);
  }
}

/** The place is one in an epoch, and the facts are those of a run or are refused. */
async function parseResume(bytes: Uint8Array): Promise<void> {
  const json = await jsonOf(bytes, "resume.json");
  const { epoch, batches, noise, ...losses } = resumeStateOf(json, "resume.json");
  ok([epoch, batches].every((place) => Number.isSafeInteger(place) && place >= 0), `${batches}`);
  deepEqual(new Noise(noise).random.state, noise);
  ok(Number.isFinite(new LossLog({ ...losses, lossSteps: 0 }).steps));
  const facts = runFactsOf(json);
  if (facts) expectSameRun("checkpoint-3", facts, { ...RUN, outputDir: "out" });
}

function file(content: object): FuzzTarget["make"] {
  return (dice: Dice) => ({ bytes: broken(brokenJson(content, dice), dice) });
}

/** The files of a checkpoint by what they hold. */
export const RUN_TARGETS: Readonly<Record<string, FuzzTarget>> = {
  "trainer-state": { make: file(STATE), parse: parseState, inputs: 6_000 },
  "resume": { make: file(RESUME), parse: parseResume, inputs: 6_000 },
};
