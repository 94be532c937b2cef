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
      "average_tokens_across_devices",
      "ddp_backend",
      "ddp_broadcast_buffers",
      "ddp_bucket_cap_mb",
      "ddp_find_unused_parameters",
      "ddp_static_graph",
      "ddp_timeout",
      "deepspeed",
      "eval_use_gather_object",
      "fsdp",
      "fsdp_config",
      "local_rank",
      "log_level_replica",
      "log_on_each_node",
      "parallelism_config",
      "save_on_each_node",
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
    names: ["full_determinism"],
    reason: "the same seed gives the same bits on WASM anyway",
    hint: 'Leave it out, and take `backend: "wasm"` where bits matter',
  },
  {
    names: [
      "enable_jit_checkpoint",
      "liger_kernel_config",
      "torch_compile",
      "torch_compile_backend",
      "torch_compile_mode",
      "torch_empty_cache_steps",
      "use_cache",
      "use_liger_kernel",
    ],
    reason: "it is a setting of PyTorch, which does not run here",
    hint: "Leave it out",
  },
  {
    names: ["use_cpu"],
    reason: "the device is chosen beside the arguments",
    hint: 'Give `backend: "wasm"`',
  },
  {
    names: ["optim_args", "optim_target_modules"],
    reason: "the optimiser is AdamW, with arguments of its own",
    hint: "Give `adamBeta1`, `adamBeta2`, `adamEpsilon` and `weightDecay`",
  },
  {
    names: ["gradient_checkpointing_kwargs"],
    reason: "there is one way to compute layers again",
    hint: "Give `gradientCheckpointing: true` alone",
  },
  {
    names: ["include_num_input_tokens_seen", "neftune_noise_alpha"],
    reason: "it is for models of tokens, and sound has none",
    hint: "Leave it out; noise is added to clips with `augmentNoise`",
  },
  {
    names: [
      "dataloader_in_order",
      "dataloader_multiprocessing_context",
      "dataloader_num_workers",
      "dataloader_persistent_workers",
      "dataloader_pin_memory",
    ],
    reason: "batches are decoded ahead without processes of their own",
    hint: "Give `dataloaderPrefetchFactor`, the batches decoded ahead",
  },
  {
    names: ["label_names", "length_column_name", "remove_unused_columns"],
    reason: "columns are found by their type",
    hint: "Name those that are not found with `audioColumn` and `labelColumn`",
  },
  {
    names: [
      "batch_eval_metrics",
      "eval_accumulation_steps",
      "eval_do_concat_batches",
      "include_for_metrics",
      "prediction_loss_only",
    ],
    reason: "all scores of an evaluation are kept, since they are small",
    hint: "Leave it out; computeMetrics gets the scores and labels of all clips",
  },
  {
    names: ["auto_find_batch_size"],
    reason: "a batch that does not fit ends the run, and says what fits",
    hint: "Give a smaller `perDeviceTrainBatchSize` and more `gradientAccumulationSteps`",
  },
  {
    names: ["ignore_data_skip"],
    reason: "the order of an epoch is drawn from its seed, so that skipping costs nothing",
    hint: "Leave it out",
  },
  {
    names: ["restore_callback_states_from_checkpoint"],
    reason: "the states of callbacks are always restored",
    hint: "Leave it out",
  },
  {
    names: ["logging_nan_inf_filter"],
    reason: "a loss that is no number ends the run, before it spoils a checkpoint",
    hint: "Leave it out",
  },
  {
    names: ["debug", "log_level", "skip_memory_metrics"],
    reason: "there is one level of what is logged",
    hint: "Leave it out",
  },
  {
    names: ["hub_always_push", "hub_strategy", "hub_token"],
    reason: "the model is pushed once, when it is trained",
    hint: "Put the token into HF_TOKEN, and leave it out",
  },
  {
    names: ["project", "trackio_bucket_id", "trackio_space_id", "trackio_static_space_id"],
    reason: "nothing is logged to services",
    hint: 'Give `reportTo: "tensorboard"`, which writes files',
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
