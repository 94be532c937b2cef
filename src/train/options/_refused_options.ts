/**
 * The arguments of the reference that there are not here: why, and what comes to the same end.
 *
 * Source: the fields of transformers 5.18 `TrainingArguments`, under their names there.
 *
 * @module
 */

/** Names that one reason is for. */
export interface Refusal {
  readonly names: readonly string[];
  /** Why there is none of them. */
  readonly reason: string;
  /** What the user can do; names of arguments stand in backquotes. */
  readonly hint: string;
}

/** All refusals. */
export const REFUSED_OPTIONS: readonly Refusal[] = [
  {
    names: [
      "accelerator_config",
      "deepspeed",
      "fsdp",
      "fsdp_config",
      "parallelism_config",
    ],
    reason: "a training is one process on one device",
    hint: "Leave it out; larger batches go through `gradientAccumulationSteps`",
  },
  {
    names: ["bf16", "bf16_full_eval", "fp16", "fp16_full_eval", "tf32"],
    reason: "training is in 32 bits",
    hint: "Leave it out; less memory is taken with `gradientCheckpointing: true` or `loraRank: 8`",
  },
  {
    names: [
      "enable_jit_checkpoint",
      "liger_kernel_config",
      "torch_compile",
      "torch_compile_backend",
      "torch_compile_mode",
      "use_liger_kernel",
    ],
    reason: "it is a setting of PyTorch, which does not run here",
    hint: "Leave it out",
  },
  {
    names: ["optim_target_modules"],
    reason: "the optimisers that take a part of the parameters are not here",
    hint: "Say what is trained with `freezeLayers`, `freezeBaseModel` or `loraRank`",
  },
  {
    names: ["include_num_input_tokens_seen", "neftune_noise_alpha"],
    reason: "it is for models of tokens, and sound has none",
    hint: "Leave it out; noise is added to clips with `augmentNoise`",
  },
  {
    names: ["label_names", "remove_unused_columns"],
    reason: "columns are found by their type",
    hint: "Name those that are not found with `audioColumn` and `labelColumn`",
  },
  {
    names: [
      "batch_eval_metrics",
      "eval_do_concat_batches",
      "include_for_metrics",
    ],
    reason: "all scores of an evaluation are kept, since they are small",
    hint: "Leave it out; computeMetrics gets the scores and labels of all clips",
  },
  {
    names: ["logging_nan_inf_filter"],
    reason: "a loss that is no number ends the run, before it spoils a checkpoint",
    hint: "Leave it out",
  },
  {
    names: ["debug", "skip_memory_metrics"],
    reason: "there is one level of what is logged",
    hint: "Leave it out",
  },
  {
    names: ["do_eval", "do_predict", "do_train"],
    reason: "what is done is what is called",
    hint: "Call train(), evaluate() or predict(), or the command of that name",
  },
  {
    names: ["resume_from_checkpoint"],
    reason: "it belongs to one call, and not to the run",
    hint: "Give `resumeFromCheckpoint: true` to train()",
  },
];

/** Values of arguments with a few words that the reference has beside ours. */
export const REFUSED_VALUES = {
  optim: [
    {
      names: [
        "adagrad",
        "adalomo",
        "ademamix",
        "grokadamw",
        "lion_32bit",
        "lomo",
        "paged_ademamix_32bit",
        "paged_lion_32bit",
        "rmsprop",
        "rmsprop_bnb",
        "rmsprop_bnb_32bit",
        "schedule_free_adamw",
        "schedule_free_radam",
        "schedule_free_sgd",
        "stable_adamw",
      ],
      reason: "there are AdamW, Adafactor and gradient descent with momentum",
      hint: 'Give `optim: "adamw_torch"`, or `optim: "adafactor"`, which takes less memory',
    },
    {
      names: [
        "adamw_8bit",
        "adamw_anyprecision",
        "adamw_bnb_8bit",
        "adamw_torch_4bit",
        "adamw_torch_8bit",
        "ademamix_8bit",
        "lion_8bit",
        "paged_adamw_32bit",
        "paged_adamw_8bit",
        "paged_ademamix_8bit",
        "paged_lion_8bit",
        "rmsprop_bnb_8bit",
      ],
      reason: "moments are kept in 32 bits, on the device",
      hint: 'Give `optim: "adamw_torch"`; less memory is taken with `loraRank: 8`',
    },
    {
      names: [
        "apollo_adamw",
        "apollo_adamw_layerwise",
        "galore_adafactor",
        "galore_adafactor_layerwise",
        "galore_adamw",
        "galore_adamw_8bit",
        "galore_adamw_8bit_layerwise",
        "galore_adamw_layerwise",
      ],
      reason: "gradients are not projected",
      hint: "Give `loraRank: 8`, which trains changes of low rank",
    },
  ],
} as const satisfies Readonly<Record<string, readonly Refusal[]>>;
