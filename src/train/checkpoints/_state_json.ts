/**
 * The state of a run as the files of a checkpoint have it: `trainer_state.json` in the reference's words, `resume.json`
 * in ours; read back with every field checked.
 *
 * @module
 */
import { CheckpointError } from "../../errors.ts";
import type { RandomState } from "../../random.ts";
import type { CallbackState } from "../callbacks/callbacks.ts";
import { snakeCase } from "../options/arguments.ts";
import type { LogEntry, ResumeState, TrainerState } from "./state.ts";

type Json = Readonly<Record<string, unknown>>;

/** What the reference writes about processes, searches and texts, of which there are none here. */
const CONSTANT_FIELDS = {
  is_hyper_param_search: false,
  is_local_process_zero: true,
  is_world_process_zero: true,
  num_input_tokens_seen: 0,
  trial_name: null,
  trial_params: null,
} as const;

/** The content of `trainer_state.json`, its keys sorted. */
export function stateJson(state: TrainerState): Json {
  const fields = Object.entries(state).map(([name, value]) => [snakeCase(name), value]);
  return sortedByKey({
    ...CONSTANT_FIELDS,
    ...Object.fromEntries(fields),
    log_history: state.logHistory.map(sortedByKey),
  });
}

/** The same object with its keys in order. */
export function sortedByKey(content: object): Json {
  return Object.fromEntries(Object.entries(content).sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * The state in a `trainer_state.json`.
 *
 * @throws {CheckpointError} naming the field that a run could not go on without.
 */
export function stateOf(json: Json, file: string): TrainerState {
  const fields = new Fields(json, file);
  return {
    bestGlobalStep: fields.numberOrNull("best_global_step"),
    bestMetric: fields.numberOrNull("best_metric"),
    bestModelCheckpoint: fields.textOrNull("best_model_checkpoint"),
    epoch: fields.number("epoch"),
    evalSteps: fields.number("eval_steps", 0),
    globalStep: fields.count("global_step"),
    logHistory: fields.list("log_history", isLogEntry),
    loggingSteps: fields.number("logging_steps", 0),
    maxSteps: fields.number("max_steps", 0),
    numTrainEpochs: fields.number("num_train_epochs", 0),
    saveSteps: fields.number("save_steps", 0),
    statefulCallbacks: fields.callbackStates("stateful_callbacks"),
    totalFlos: fields.number("total_flos", 0),
    trainBatchSize: fields.number("train_batch_size", 0),
  };
}

/**
 * The state in a `resume.json`.
 *
 * @throws {CheckpointError} naming the field that a run could not go on without.
 */
export function resumeStateOf(json: Json, file: string): ResumeState {
  const fields = new Fields(json, file);
  const [a, b, c, d, ...more] = fields.list("noise", isState);
  if (d === undefined || more.length > 0) return fields.fail("noise", "four numbers");
  const noise: RandomState = [a!, b!, c!, d];
  return {
    epoch: fields.count("epoch"),
    batches: fields.count("batches"),
    skippedSteps: fields.count("skippedSteps", 0),
    flopsPerInput: fields.number("flopsPerInput", 0),
    noise,
    lossSum: fields.number("lossSum"),
    lossSteps: fields.count("lossSteps"),
    totalLoss: fields.number("totalLoss"),
    gradNorm: fields.number("gradNorm"),
  };
}

/** The fields of a file; each is checked when it is asked for. */
class Fields {
  readonly #json: Json;
  readonly #file: string;

  constructor(json: Json, file: string) {
    this.#json = json;
    this.#file = file;
  }

  fail(key: string, expected: string): never {
    const file = this.#file;
    const found = JSON.stringify(this.#json[key])?.slice(0, 80) ?? "nothing";
    throw new CheckpointError(
      `Cannot resume from "${file}": expected ${expected} in "${key}", found ${found}`,
      { file, key },
    );
  }

  /** @param otherwise what is meant where an earlier version did not write it. */
  number(key: string, otherwise?: number): number {
    const value = this.#json[key] ?? otherwise;
    return isNumber(value) ? value : this.fail(key, "a number");
  }

  /** A whole number from 0. */
  count(key: string, otherwise?: number): number {
    const value = this.number(key, otherwise);
    return isCount(value) ? value : this.fail(key, "a whole number from 0");
  }

  numberOrNull(key: string): number | null {
    const value = this.#json[key] ?? null;
    return value === null || isNumber(value) ? value : this.fail(key, "a number or null");
  }

  textOrNull(key: string): string | null {
    const value = this.#json[key] ?? null;
    return value === null || typeof value === "string" ? value : this.fail(key, "a name or null");
  }

  list<T>(key: string, isItem: (value: unknown) => value is T): T[] {
    const value = this.#json[key];
    return Array.isArray(value) && value.every(isItem) ? value : this.fail(key, "a list");
  }

  callbackStates(key: string): Record<string, CallbackState> {
    const value = this.#json[key] ?? {};
    if (!isObject(value)) this.fail(key, "an object");
    const states = Object.entries(value).flatMap(([name, state]): [string, CallbackState][] => {
      if (!isObject(state) || !isObject(state.args) || !isObject(state.attributes)) return [];
      return [[name, { args: state.args, attributes: state.attributes }]];
    });
    return Object.fromEntries(states);
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A part of the state of random numbers, of 32 bits. */
function isState(value: unknown): value is number {
  return isCount(value) && value < 2 ** 32;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A metric that the data does not define is null in JSON. */
function isLogEntry(value: unknown): value is LogEntry {
  return isObject(value) && isNumber(value.step) && isNumber(value.epoch) &&
    Object.values(value).every((figure) => figure === null || isNumber(figure));
}
