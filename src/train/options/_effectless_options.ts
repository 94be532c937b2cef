/**
 * Arguments of the reference that are taken and checked, and change nothing: in the reference they do not either, where a
 * training is one process, or they decide how fast and not what.
 *
 * They are not shown in the help and not kept among the arguments of a run. Source: transformers 5.18 `TrainingArguments`.
 *
 * @module
 */
import { count, derived, flag, namedSettings, type OptionRow, text } from "./_option_rows.ts";

/** Arguments without an effect, for scripts that have them. */
export interface EffectlessOptions {
  /** No effect: a training is one process on one device. */
  averageTokensAcrossDevices?: boolean;
  /** No effect: a training is one process on one device. */
  ddpBackend?: string;
  /** No effect: a training is one process on one device. */
  ddpBroadcastBuffers?: boolean;
  /** No effect: a training is one process on one device. */
  ddpBucketCapMb?: number;
  /** No effect: a training is one process on one device. */
  ddpFindUnusedParameters?: boolean;
  /** No effect: a training is one process on one device. */
  ddpStaticGraph?: boolean;
  /** No effect: a training is one process on one device. */
  ddpTimeout?: number;
  /** No effect: a training is one process on one device. */
  evalUseGatherObject?: boolean;
  /** No effect: a training is one process on one device. */
  localRank?: number;
  /** No effect: a training is one process on one device. */
  logLevelReplica?: string;
  /** No effect: a training is one process on one device. */
  logOnEachNode?: boolean;
  /** No effect: a training is one process on one device. */
  saveOnEachNode?: boolean;
  /** No effect: batches are decoded ahead and in order anyway. */
  dataloaderInOrder?: boolean;
  /** No effect: batches are decoded ahead and in order anyway. */
  dataloaderMultiprocessingContext?: string;
  /** No effect: batches are decoded ahead and in order anyway. */
  dataloaderNumWorkers?: number;
  /** No effect: batches are decoded ahead and in order anyway. */
  dataloaderPersistentWorkers?: boolean;
  /** No effect: batches are decoded ahead and in order anyway. */
  dataloaderPinMemory?: boolean;
  /** No effect: lengths are read from the headers of the recordings. */
  lengthColumnName?: string;
  /** No effect: memory is freed at once, after each batch. */
  evalAccumulationSteps?: number;
  /** No effect: memory is freed at once, after each batch. */
  torchEmptyCacheSteps?: number;
  /** No effect: models of sound keep nothing between two calls. */
  useCache?: boolean;
  /** No effect: both ways of computing layers again give the same gradients. */
  gradientCheckpointingKwargs?: Readonly<{ useReentrant?: boolean }>;
  /** No effect: it is for Trackio, to which nothing is logged. */
  project?: string;
  /** No effect: it is for Trackio, to which nothing is logged. */
  trackioBucketId?: string;
  /** No effect: it is for Trackio, to which nothing is logged. */
  trackioSpaceId?: string;
  /** No effect: it is for Trackio, to which nothing is logged. */
  trackioStaticSpaceId?: string;
}

type EffectlessTable = {
  readonly [Name in keyof EffectlessOptions]-?: OptionRow<EffectlessOptions[Name]>;
};

const ONE_PROCESS = "a training is one process on one device";
const DECODING = "batches are decoded ahead and in order anyway";
const LENGTHS = "lengths are read from the headers of the recordings";
const MEMORY = "memory is freed at once, after each batch";
const NO_TOKENS = "models of sound keep nothing between two calls";
const ONE_WAY = "both ways of computing layers again give the same gradients";
const TRACKIO = "it is for Trackio, to which nothing is logged";

/** A row for each; its help is the reason, and its default the reference's. */
export const EFFECTLESS_OPTIONS: EffectlessTable = {
  averageTokensAcrossDevices: flag<boolean | undefined>(true, ONE_PROCESS),
  ddpBackend: text<string | undefined>(derived("none"), ONE_PROCESS),
  ddpBroadcastBuffers: flag<boolean | undefined>(derived("none"), ONE_PROCESS),
  ddpBucketCapMb: count<number | undefined>(derived("none"), 0, ONE_PROCESS),
  ddpFindUnusedParameters: flag<boolean | undefined>(derived("none"), ONE_PROCESS),
  ddpStaticGraph: flag<boolean | undefined>(derived("none"), ONE_PROCESS),
  ddpTimeout: count<number | undefined>(1800, 0, ONE_PROCESS),
  evalUseGatherObject: flag<boolean | undefined>(false, ONE_PROCESS),
  localRank: count<number | undefined>(-1, -1, ONE_PROCESS),
  logLevelReplica: text<string | undefined>("warning", ONE_PROCESS),
  logOnEachNode: flag<boolean | undefined>(true, ONE_PROCESS),
  saveOnEachNode: flag<boolean | undefined>(false, ONE_PROCESS),
  dataloaderInOrder: flag<boolean | undefined>(true, DECODING),
  dataloaderMultiprocessingContext: text<string | undefined>(derived("none"), DECODING),
  dataloaderNumWorkers: count<number | undefined>(0, 0, DECODING),
  dataloaderPersistentWorkers: flag<boolean | undefined>(false, DECODING),
  dataloaderPinMemory: flag<boolean | undefined>(true, DECODING),
  lengthColumnName: text<string | undefined>("length", LENGTHS),
  evalAccumulationSteps: count<number | undefined>(derived("none"), 1, MEMORY),
  torchEmptyCacheSteps: count<number | undefined>(derived("none"), 1, MEMORY),
  useCache: flag<boolean | undefined>(false, NO_TOKENS),
  gradientCheckpointingKwargs: namedSettings<{ useReentrant?: boolean }>(
    { useReentrant: "flag" },
    ONE_WAY,
  ),
  project: text<string | undefined>("huggingface", TRACKIO),
  trackioBucketId: text<string | undefined>(derived("none"), TRACKIO),
  trackioSpaceId: text<string | undefined>(derived("none"), TRACKIO),
  trackioStaticSpaceId: text<string | undefined>(derived("none"), TRACKIO),
};

/** Whether a name in code is one of them. */
export function isEffectless(name: string): name is keyof EffectlessOptions {
  return Object.hasOwn(EFFECTLESS_OPTIONS, name);
}
