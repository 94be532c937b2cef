/**
 * Scores of a data set with their metrics, and how long they took.
 *
 * @module
 */
import type { BatchSource } from "../batches/batches.ts";
import type { PredictionOutput } from "../callbacks/callbacks.ts";
import { evaluateModel, type Evaluation } from "../metrics/evaluation.ts";
import { prefixed, speedMetrics } from "../metrics/metric_names.ts";
import { accuracy } from "../metrics/metrics.ts";
import { viewsOf } from "../options/arguments.ts";
import type { TrainerOptions } from "./_trainer_options.ts";

/**
 * Scores of a data set, and its metrics under a prefix.
 *
 * @param options the trainer's, and the prefix.
 */
export async function measured(
  data: BatchSource,
  options: Pick<TrainerOptions, "model" | "args" | "computeMetrics"> & { prefix: string },
): Promise<PredictionOutput> {
  const { model, args, prefix } = options;
  const batchSize = args.perDeviceEvalBatchSize;
  const started = performance.now();
  const evaluation = await evaluateModel(model, data, { batchSize, views: viewsOf(args) });
  const seconds = (performance.now() - started) / 1000;
  const steps = Math.ceil(data.size / batchSize);
  return {
    ...evaluation,
    metrics: {
      ...prefixed({ loss: evaluation.loss, ...metricsOf(evaluation, options) }, prefix),
      ...speedMetrics(prefix, seconds, { samples: data.size, steps }),
    },
  };
}

function metricsOf(
  evaluation: Evaluation,
  { model, args, computeMetrics }: Pick<TrainerOptions, "model" | "args" | "computeMetrics">,
): Record<string, number> {
  if (args.predictionLossOnly) return {};
  if (computeMetrics) return computeMetrics(evaluation);
  return model.problemType === "regression" ? {} : { accuracy: accuracy(evaluation) };
}
