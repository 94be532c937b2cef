/**
 * What `train` starts from where no model is named: `tiny` from scratch, or of fewer clips than that learns from the
 * backbone that comes with the package, with a linear head.
 *
 * @module
 */
import { BACKBONE } from "../default_model/mod.ts";
import type { HeadKind } from "../train/callbacks/fitted_head.ts";
import type { OptionName } from "../train/options/arguments.ts";
import { loadSplits, type SplitChoice } from "./_data.ts";

/** A model to start from. */
export interface ChosenStart {
  model: string;
  /** What is fitted in the place of training. */
  head?: HeadKind;
  /** Why, in one line; absent where it was asked for. */
  reason?: string;
}

/** What was asked for, as far as it decides. */
export interface AskedStart {
  model?: string;
  head?: HeadKind;
  resume: boolean;
  /** Whether windows of recordings are learnt. */
  isDetector: boolean;
  /** Names of the training arguments that were given. */
  given: readonly string[];
  data: string;
  splits: SplitChoice;
  seed: number;
  /** Numbers of clips a class to train on; empty for all. */
  shots: readonly number[];
}

/** Training clips of the median class with which `tiny` learns from scratch. */
export const ENOUGH_CLIPS = 40;

/** Arguments that fitting a head heeds, or that have nothing to do with it; all others are of training by steps. */
const NEUTRAL: readonly string[] = [
  "outputDir",
  "seed",
  "dataSeed",
  "freezeBaseModel",
  "frozenBaseEval",
  "featureViews",
  "perDeviceEvalBatchSize",
  "maxLengthSeconds",
  "skipBadFiles",
  "useCpu",
  "logLevel",
  "disableTqdm",
  "reportTo",
  "runName",
  "pushToHub",
  "hubModelId",
  "hubPrivateRepo",
  "hubStrategy",
  "hubToken",
  "hubRevision",
] satisfies (OptionName | "outputDir")[];

/** The model that was named, or the one that suits the clips. */
export async function chosenStart(asked: AskedStart): Promise<ChosenStart> {
  const { model, head, resume, isDetector, given } = asked;
  if (model !== undefined) return { model, head };
  if (head !== undefined) {
    const reason = "a head alone is fitted to what has learnt before";
    return { model: BACKBONE, head, reason: lineOf(`${BACKBONE} with a ${head} head`, reason) };
  }
  const isBySteps = given.some((name) => !NEUTRAL.includes(name));
  if (resume || isDetector || isBySteps) return { model: "tiny" };
  const clips = await medianClips(asked);
  if (clips === undefined) return { model: "tiny" };
  const few = clips < ENOUGH_CLIPS;
  const found = `the median class has ${clips} training clip${clips === 1 ? "" : "s"}`;
  const reason =
    `${found}, and ${few ? `fewer than ${ENOUGH_CLIPS} are too few` : "these do"} for ` +
    "training from scratch";
  return few
    ? { model: BACKBONE, head: "linear", reason: lineOf(`${BACKBONE} with a linear head`, reason) }
    : { model: "tiny", reason: lineOf("tiny", reason) };
}

function lineOf(what: string, reason: string): string {
  return `Chosen: ${what}, as ${reason}; --model takes another`;
}

/** Training clips of the median class; undefined where clips have not one class each, or cannot be listed. */
async function medianClips(
  { data, splits, seed, shots }: AskedStart,
): Promise<number | undefined> {
  // What is wrong with the data is said where it is loaded to be learnt.
  const found = await loadSplits(data, { ...splits, seed, online: true }).catch(() => undefined);
  const train = found?.splits.train;
  if (!train || train.kind !== undefined && train.kind !== "single_label_classification") {
    return undefined;
  }
  const counts = new Map<number, number>();
  for (const { label } of train.clips) counts.set(label, (counts.get(label) ?? 0) + 1);
  const sorted = [...counts.values()].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  return median === undefined
    ? undefined
    : Math.min(median, ...shots.length > 0 ? [Math.max(...shots)] : []);
}
