/**
 * What a trainer is made of, and what it gives back.
 *
 * @module
 */
import type { Dataset, Row } from "../../data/dataset.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import type { HubOptions } from "../../hub/mod.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import type { FileToWrite } from "../../files.ts";
import type { OutputDirectory } from "../checkpoints/output_directory.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import type { Teacher } from "./_teacher.ts";
import type { BatchSource } from "../batches/batches.ts";
import type { TrainerCallback } from "../callbacks/callbacks.ts";
import type { ComputeMetrics } from "../metrics/metrics.ts";

/** An output directory that its user has taken for a run. */
export interface RunOutput {
  /** The directory, which the run leaves taken. */
  readonly directory: OutputDirectory;
  /** Files that go into it in one stroke with the model. */
  readonly files: readonly FileToWrite[];
  /** Names of files of an earlier model, which go in the same stroke. */
  readonly stale: readonly string[];
}

/** What is trained on what. */
export interface TrainerOptions {
  /** Its parameters are changed in place. */
  model: AudioClassificationModel;
  /** How it is trained. */
  args: TrainingArguments;
  /** What it is trained on. */
  trainDataset: BatchSource | Dataset<Row>;
  /** What it is judged by. @default none */
  evalDataset?: BatchSource | Dataset<Row>;
  /** A model to learn from, besides the labels; how much, say `teacherWeight` and the arguments beside it. @default none */
  teacher?: Teacher;
  /** Saved beside the model. */
  featureExtractor?: FeatureExtractor;
  /** The same under the name that transformers 5 gives it. */
  processingClass?: FeatureExtractor;
  /** Metrics of an evaluation. @default accuracy; none of a regression, whose loss is the mean squared error */
  computeMetrics?: ComputeMetrics;
  /** Called at steps, log lines, evaluations and checkpoints. */
  callbacks?: TrainerCallback[];
  /** How the hub is reached, for a push. @default as the environment says */
  hub?: Omit<HubOptions, "onProgress">;
  /** Called with what is unusual about the start or the end of a run: a broken checkpoint, a full disk. @default console.warn */
  onNotice?: (message: string) => void;
  /** Asked whether to save again where the disk is full. @default on a terminal the user is; elsewhere it is tried for ten minutes */
  onDiskFull?: (question: string) => boolean | Promise<boolean>;
  /** A folder that keeps what base models that stay as they are make of clips, for later runs. @default memory alone */
  featureDirectory?: string;
  /**
   * The output directory where it is held already, and what goes there with the model: for the command line.
   *
   * @internal
   */
  output?: RunOutput;
  /** When it fires, the run writes a checkpoint after the current step and ends. */
  signal?: AbortSignal;
}

/** What a run came to. */
export interface TrainOutput {
  /** Steps taken, those before a resumption included. */
  globalStep: number;
  /** Mean loss of all steps. */
  trainingLoss: number;
  /** Seconds of this run. */
  seconds: number;
  /** The figures of `train_results.json`. */
  metrics: Record<string, number>;
  /** Whether the signal ended it early; `checkpoint-<step>` goes on from there. */
  interrupted: boolean;
}
