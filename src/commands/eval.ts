/**
 * `eval`: how well a model does on a split of recordings.
 *
 * @module
 */
import { loadAudioFolder } from "../data/audio_folder.ts";
import { useDevice } from "../devices.ts";
import { DatasetError } from "../errors.ts";
import { AutoFeatureExtractor, AutoModelForAudioClassification } from "../pretrained.ts";
import { clipBatches } from "../train/clip_batches.ts";
import { evaluateModel } from "../train/evaluation.ts";
import { accuracy, type ClassMetrics, perClass } from "../train/metrics.ts";
import { UsageError, userPath } from "./_arguments.ts";
import { backendChoice, type Command, expectNoFiles, modelOrBundled } from "./_command.ts";
import { classTable } from "./_class_table.ts";
import type { Output } from "./_output.ts";

/** `eval` on the command line. */
export const command: Command = {
  summary: "measure a model on a folder of recordings",
  usage: "eval [--model DIR] --data DIR [--split test]",
  options: {
    model: { kind: "text", value: "DIR", help: "model directory (the bundled one)" },
    data: { kind: "text", value: "DIR", help: "audio folder: split/label/file or label/file" },
    split: { kind: "text", value: "NAME", help: "train, validation or test (test)" },
    "batch-size": { kind: "number", value: "N", help: "clips of a batch (16)" },
    backend: { kind: "text", value: "NAME", help: "auto, webgpu or wasm (auto)" },
    threads: { kind: "number", value: "N", help: "WASM threads; 0: all cores (0)" },
    "skip-bad-files": { kind: "flag", help: "leave unreadable files out and count them" },
  },
  examples: [
    "eval --data examples/voice_menu",
    "eval --model my-model --data path/to/recordings --split validation --json",
  ],
  run: async ({ options, files }, out) => {
    expectNoFiles(files);
    if (typeof options.data !== "string") {
      throw new UsageError('Cannot evaluate: expected argument "--data DIR", found none');
    }
    await useDevice({
      backend: backendChoice(options.backend),
      threads: options.threads as number | undefined ?? 0,
    });
    await evaluate({
      model: modelOrBundled(options.model),
      data: userPath(options.data),
      split: options.split as string | undefined,
      batchSize: options["batch-size"] as number | undefined,
      skipBadFiles: options["skip-bad-files"] as boolean | undefined,
    }, out);
    return 0;
  },
};

/** What is evaluated. */
export interface EvalCommandOptions {
  model: string;
  data: string;
  /** @default "test" */
  split?: string;
  /** @default 16 */
  batchSize?: number;
  skipBadFiles?: boolean;
}

/** What `eval` prints with `--json`. */
export interface EvalResult {
  accuracy: number;
  loss: number;
  samples: number;
  perClass: Record<string, ClassMetrics>;
}

/** Evaluates a model on the device in use, and prints the result. */
export async function evaluate(options: EvalCommandOptions, out: Output): Promise<EvalResult> {
  const { model: directory, data, split = "test", batchSize = 16, skipBadFiles } = options;
  const extractor = await AutoFeatureExtractor.fromPretrained(directory);
  const model = await AutoModelForAudioClassification.fromPretrained(directory);
  try {
    model.expectComplete(directory);
    const folder = await loadAudioFolder(data, { labels: model.labels });
    const dataset = Object.entries(folder.splits).find(([name]) => name === split)?.[1];
    if (!dataset) {
      throw new DatasetError(
        `Cannot evaluate on split "${split}" of "${data}": expected one of ${
          Object.keys(folder.splits).join(", ")
        }`,
        { file: data },
      );
    }
    const tick = out.progress("Evaluating", dataset.clips.length);
    const source = clipBatches(dataset, model, extractor, {
      maxLengthSeconds: 600,
      skipBadFiles,
      onNotice: ({ message }) => out.warn(message),
    });
    const evaluation = await evaluateModel(model, source, { batchSize, onClips: tick });
    tick(undefined);
    const result = {
      accuracy: accuracy(evaluation),
      loss: evaluation.loss,
      samples: evaluation.labels.length,
      perClass: perClass(evaluation, model.labels),
    };
    out.line(classTable(result.perClass));
    out.line(out.strong(
      `\nAccuracy ${(100 * result.accuracy).toFixed(2)} %, loss ${
        result.loss.toFixed(4)
      }, ${result.samples} clips`,
    ));
    out.event(result);
    return result;
  } finally {
    model.dispose();
  }
}
