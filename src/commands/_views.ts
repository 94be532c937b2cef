/**
 * A recording looked at in several places in time, as an evaluation does with `evalViews`: the mean of its outputs.
 *
 * @module
 */
import { type ClassifierOptions, classifierParts } from "../classify/classifier.ts";
import type { Classification, LoadedClassifier } from "../classify/pipeline.ts";
import type { AudioClip, AudioDataset } from "../data/audio_dataset.ts";
import { clipBatches } from "../train/batches/clip_batches.ts";
import { evaluateModel } from "../train/metrics/evaluation.ts";
import { type TrainingArguments, viewsOf } from "../train/options/arguments.ts";

/** The classes of a recording by the mean of its views. */
export type ClassifyInViews = (clip: Pick<AudioClip, "file" | "open">) => Promise<Classification[]>;

/**
 * What looks at recordings so.
 *
 * @param options `topK`, and whether scores are those of the model alone.
 */
export function classifierInViews(
  { model, extractor }: LoadedClassifier,
  args: TrainingArguments,
  { topK, ...options }: Pick<ClassifierOptions, "rawScores" | "onWarning"> & { topK: number },
): ClassifyInViews {
  const { answer } = classifierParts(model, extractor, options);
  const { labels, problemType: kind } = model;
  return async (clip) => {
    const nothing = { label: 0, targets: labels.map(() => 0) };
    const dataset: AudioDataset = {
      split: "predict",
      labels,
      kind,
      clips: [
        kind === "single_label_classification" ? { ...clip, label: 0 } : { ...clip, ...nothing },
      ],
    };
    const source = clipBatches(dataset, model, extractor);
    const evaluation = await evaluateModel(model, source, {
      batchSize: 1,
      views: viewsOf(args),
      outputFeatures: true,
    });
    return answer({ logits: evaluation.logits, features: evaluation.features }, { topK });
  };
}
