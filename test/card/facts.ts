/**
 * Facts of a model for tests of its card: everything is known.
 *
 * @module
 */
import type { ModelCardFacts } from "../../src/card/mod.ts";

/** The log of a run of two epochs, the second of which logged no loss. */
const HISTORY: ModelCardFacts["history"] = [
  { step: 10, epoch: 1, loss: 2.345678, grad_norm: 1.5, learning_rate: 1e-4 },
  {
    step: 10,
    epoch: 1,
    eval_loss: 2.123456,
    eval_accuracy: 0.25,
    eval_f1_macro: 0.123456,
    eval_runtime: 1,
  },
  {
    step: 20,
    epoch: 2.5,
    eval_loss: 1.5,
    eval_accuracy: 0.5,
    eval_f1_macro: 0.456789,
    eval_runtime: 1,
  },
  { step: 20, epoch: 2.5, train_runtime: 3, train_loss: 2, total_flos: 1 },
  { step: 20, epoch: 2.5, eval_loss: 1.5, eval_accuracy: 0.5, eval_f1_macro: 0.456789 },
];

/** A fine-tuned model that was measured. */
export const FACTS: ModelCardFacts = {
  modelName: "minds",
  repository: "acme/minds",
  modelType: "wav2vec2",
  problemType: "single_label_classification",
  labels: ["abroad", "address"],
  parameters: 94_570_000,
  samplingRate: 16_000,
  license: "apache-2.0",
  language: ["en", "no"],
  tags: "speech",
  finetunedFrom: "facebook/wav2vec2-base",
  dataset: { id: "PolyAI/minds14", config: "en-US", revision: "75900a7" },
  trainingArguments: {
    learningRate: 3e-5,
    perDeviceTrainBatchSize: 32,
    perDeviceEvalBatchSize: 8,
    gradientAccumulationSteps: 4,
    seed: 42,
    optim: "adamw_torch",
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    adamEpsilon: 1e-8,
    lrSchedulerType: "linear",
    warmupRatio: 0.1,
    maxSteps: 0,
    numTrainEpochs: 10,
    maxLengthSeconds: 20,
    loraRank: 0,
    outputDir: "/home/someone/runs",
  },
  history: HISTORY,
  evaluation: {
    split: "test",
    metrics: { accuracy: 0.91666, f1_macro: 0.9, loss: 0.3, own_score: 2, roc_auc: NaN },
    samples: 113,
    accuracyInterval: { low: 0.87, high: 0.96 },
  },
  versions: { Earshot: "0.1.0", Deno: "2.9.6" },
};
