/**
 * What a model card is made of. What is not known stays undefined and is left out of the card.
 *
 * @module
 */

/** What a model learned from, or was measured on. */
export interface CardDataset {
  /** Its id on the hub; absent where it is not there. */
  readonly id?: string;
  /** What people call it. @default the id */
  readonly name?: string;
  /** Which of its configurations, such as "en-US". */
  readonly config?: string;
  /** Which commit, branch or tag. */
  readonly revision?: string;
}

/** How a model did on clips that it did not learn from. */
export interface CardEvaluation {
  /** Which part of the data: "test" or "validation". */
  readonly split: string;
  /** Values by the names that `Trainer` logs them under, without prefix: `accuracy`, `f1_macro`, `loss`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Number of clips. */
  readonly samples?: number;
  /** Where the accuracy lies with a chance of 95 %. */
  readonly accuracyInterval?: { readonly low: number; readonly high: number };
}

/** What may be said by those who know the model. */
export interface ModelCardWords {
  /** The license's id on the hub, such as "apache-2.0". */
  readonly license?: string;
  /** Codes of the languages that are spoken in the recordings, such as "en". */
  readonly language?: string | readonly string[];
  /** Tags beside those that follow from the facts. */
  readonly tags?: string | readonly string[];
  /** The heading. @default the name of the repository */
  readonly modelName?: string;
  /** Id on the hub of the model that it was fine-tuned from. */
  readonly finetunedFrom?: string;
  /** Id on the hub of what it learned from. */
  readonly datasetTags?: string;
  /** What people call that. @default the id */
  readonly dataset?: string;
  /** Configuration of the data set. */
  readonly datasetArgs?: string;
}

/** What is known of a model. */
export interface ModelCardFacts
  extends Omit<ModelCardWords, "dataset" | "datasetTags" | "datasetArgs"> {
  /** The heading. */
  readonly modelName: string;
  /** `org/name`, for the examples. @default they name a directory */
  readonly repository?: string;
  /** The architecture, in the words of `config.json`. */
  readonly modelType: string;
  /** What the outputs mean. */
  readonly problemType: "single_label_classification" | "multi_label_classification" | "regression";
  /** Names of the outputs. */
  readonly labels: readonly string[];
  /** Number of parameters. */
  readonly parameters?: number;
  /** Hertz. */
  readonly samplingRate?: number;
  /** Whether transformers can read the weights; an export of Earshot is for Earshot. @default true */
  readonly isForTransformers?: boolean;
  /** Whether it was trained from random weights. @default false */
  readonly isFromScratch?: boolean;
  /** What it learned from. */
  readonly dataset?: CardDataset;
  /** Training arguments, under their names in code. */
  readonly trainingArguments?: Readonly<Record<string, unknown>>;
  /** The log of the training, as `trainer_state.json` has it. */
  readonly history?: readonly Readonly<Record<string, number>>[];
  /** How it did. */
  readonly evaluation?: CardEvaluation;
  /** Names and versions of what made it. */
  readonly versions?: Readonly<Record<string, string>>;
}
