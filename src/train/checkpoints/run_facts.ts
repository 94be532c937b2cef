/**
 * What a run was made of, as its checkpoints remember it, and whether a run that goes on is made of the same.
 *
 * A place in an epoch, moments and a schedule mean something for the same classes, clips and arguments alone. What may
 * differ is marked in the table of arguments: how long the run is, what is logged, evaluated and saved when, where it goes.
 *
 * @module
 */
import { CheckpointError } from "../../errors.ts";
import { OPTION_NAMES, TRAINING_OPTIONS } from "../options/arguments.ts";

type Json = Readonly<Record<string, unknown>>;

/** What a run was made of. */
export interface RunFacts {
  /** Names of the classes, in the order of the model's outputs. */
  readonly classes: readonly string[];
  /** `config.json` of the model. */
  readonly config: Json;
  /** Clips of an epoch. */
  readonly clips: number;
  /** Fingerprint of the training data, where it has one. */
  readonly data?: string;
  /** Fingerprint of the evaluation data, where it has one. */
  readonly evaluationData?: string;
  /** Fingerprint of a teacher's answers, where there is one. */
  readonly teacher?: string;
  /** The arguments. */
  readonly args: Json;
}

/** The facts in a `resume.json`; undefined where an earlier version wrote it. */
export function runFactsOf(resume: Json): RunFacts | undefined {
  const facts = resume.run;
  return isRunFacts(facts) ? facts : undefined;
}

function isRunFacts(value: unknown): value is RunFacts {
  return isObject(value) && isObject(value.config) && isObject(value.args) &&
    Array.isArray(value.classes) && typeof value.clips === "number";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What version 0.1.0 knew of a run: from `resume.json` and `trainer_state.json`. */
export interface OldRunFacts {
  readonly clips?: unknown;
  readonly accumulation?: unknown;
  readonly trainBatchSize: number;
}

/** Fields of a config that say nothing of the numbers, or of the classes, which are compared by name. */
const NOT_COMPARED = new Set(["id2label", "label2id", "dtype", "transformers_version"]);

/** Differences are listed up to this length each. */
const MAX_SHOWN = 60;

/**
 * Checks that a run may go on from a checkpoint.
 *
 * @returns what differs and may, such as the number of epochs, in words.
 * @throws {CheckpointError} naming everything that differs and must not.
 */
export function expectSameRun(
  checkpoint: string,
  saved: RunFacts,
  now: RunFacts & { outputDir: string },
): string[] {
  const { refused, allowed } = differences(saved, now);
  if (refused.length === 0) return allowed;
  throw new CheckpointError(
    `Cannot resume from "${checkpoint}": expected the classes, data and arguments that it began with, ` +
      `found ${refused.join("; ")}`,
    { file: checkpoint, hint: wayOn(now.outputDir) },
  );
}

function wayOn(outputDir: string): string {
  return "Go on with what it began with; or train its model further as a run of its own: " +
    `\`model: "${outputDir}"\` with another \`outputDir\``;
}

/**
 * The same for a checkpoint that knows no more than its batches.
 *
 * @throws {CheckpointError} naming the number that differs.
 */
export function expectSameBatches(
  checkpoint: string,
  saved: OldRunFacts,
  now: RunFacts & { outputDir: string },
): void {
  const { perDeviceTrainBatchSize, gradientAccumulationSteps } = now.args;
  const facts = [
    ["perDeviceTrainBatchSize", saved.trainBatchSize, perDeviceTrainBatchSize],
    ["gradientAccumulationSteps", saved.accumulation, gradientAccumulationSteps],
    ["training clips", saved.clips, now.clips],
  ] as const;
  const refused = facts.filter(([, before, after]) => before !== undefined && before !== after);
  if (refused.length === 0) return;
  throw new CheckpointError(
    `Cannot resume from "${checkpoint}": expected the batches that it began with, found ${
      refused.map(([name, before, after]) => changed(`\`${name}\``, before, after)).join("; ")
    }`,
    { file: checkpoint, hint: wayOn(now.outputDir) },
  );
}

function differences(saved: RunFacts, now: RunFacts): { refused: string[]; allowed: string[] } {
  const refused: string[] = [];
  const allowed: string[] = [];
  if (!isSame(saved.classes, now.classes)) {
    refused.push(changed("classes", saved.classes, now.classes));
  }
  if (saved.clips !== now.clips) refused.push(changed("training clips", saved.clips, now.clips));
  else if (isOther(saved.data, now.data)) refused.push("other training clips, labels or order");
  if (isOther(saved.evaluationData, now.evaluationData)) refused.push("other evaluation clips");
  if (!isSame(saved.teacher, now.teacher)) refused.push("other answers of a teacher");
  for (const key of Object.keys({ ...saved.config, ...now.config })) {
    const [before, after] = [saved.config[key], now.config[key]];
    if (NOT_COMPARED.has(key) || isSame(before, after)) continue;
    refused.push(changed(`"${key}" of the model's config`, before, after));
  }
  for (const name of OPTION_NAMES) {
    const [before, after] = [saved.args[name], now.args[name]];
    if (!(name in saved.args) || isSame(before, after)) continue;
    (TRAINING_OPTIONS[name].mayChange ? allowed : refused)
      .push(changed(`\`${name}\``, before, after));
  }
  return { refused, allowed };
}

function isOther(before: string | undefined, after: string | undefined): boolean {
  return before !== undefined && after !== undefined && before !== after;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

function changed(what: string, before: unknown, after: unknown): string {
  return `${what} ${shown(after)} (was ${shown(before)})`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
