/**
 * `scores`: gives the scores of a model their meaning, in its `config.json`. No weight changes.
 *
 * @module
 */
import { useDevice } from "../devices.ts";
import { FileError } from "../errors.ts";
import { expectWritable } from "../files.ts";
import { AutoFeatureExtractor, filesOf, loadInferenceModel } from "../pretrained.ts";
import { TrainingArguments } from "../train/options/arguments.ts";
import type { OptionSpecs } from "./_arguments.ts";
import { soundSplits, withSkipHint } from "./_bad_files.ts";
import {
  type Command,
  defineCommand,
  DEVICE_OPTIONS,
  deviceOptions,
  expectNoFiles,
  isThere,
  warnOfUnused,
} from "./_command.ts";
import { loadSplits, SPLIT_OPTIONS, splitChoice, splitsInOrder } from "./_data.ts";
import { FIT_OPTIONS, fitChoice, fitModelScores, printScores, writeScores } from "./_fit_scores.ts";
import { givenTrainingOptions, trainingOptionSpecs } from "./_training_arguments.ts";
import { UNKNOWN_OPTION, unknownClips } from "./_unknown_clips.ts";

/** The training arguments that mean something here. */
const TRAINING_NAMES = ["per-device-eval-batch-size", "skip-bad-files", "seed"] as const;

const OPTIONS = {
  model: { kind: "string", value: "DIR", required: true, help: "the directory of a model" },
  data: {
    kind: "string",
    value: "DIR|FILE|ID",
    required: true,
    help: "what it was trained on: folder, Parquet, CSV or JSONL file, or hub id",
  },
  ...UNKNOWN_OPTION,
  ...FIT_OPTIONS,
  ...DEVICE_OPTIONS,
  ...SPLIT_OPTIONS,
} as const satisfies OptionSpecs;

/** `scores` on the command line. */
export const command: Command = defineCommand({
  usage: "scores --model DIR --data DIR|FILE|ID [--unknown DIR] [--thresholds-by f1|precision=P]",
  options: OPTIONS,
  others: Object.fromEntries(TRAINING_NAMES.map((name) => [name, trainingOptionSpecs()[name]!])),
  examples: [
    "scores --model my-model --data path/to/recordings",
    "scores --model my-model --data path/to/recordings --unknown path/to/other/sounds",
    "scores --model my-model --data path/to/recordings --thresholds-by precision=0.95",
  ],
  note:
    "Temperature, thresholds and limits come from the validation clips that train draws with\n" +
    "the same --seed, the means of classes from its training clips. predict --raw-scores and its\n" +
    "like leave all of it aside.",
  run: async ({ options, others, files }, out) => {
    expectNoFiles(files);
    const { model: directory, data, unknown } = options;
    const choice = fitChoice(options);
    const args = new TrainingArguments({ outputDir: ".", ...givenTrainingOptions(others) });
    const { seed, skipBadFiles } = args;
    const config = `${directory}/config.json`;
    await expectModel(directory);
    await expectWritable(config);
    const device = await useDevice(deviceOptions(options, { threads: 0 }));
    try {
      // Of a head or an adapter, too, what is fitted goes into its own config.
      const modelFiles = await filesOf(directory, { offline: true });
      const extractor = await AutoFeatureExtractor.fromPretrained(modelFiles);
      const model = await loadInferenceModel(modelFiles);
      try {
        model.expectComplete(directory);
        warnOfUnused(model, directory, out);
        const splits = { ...splitChoice(options), skipBadFiles };
        const found = await loadSplits(data, { ...splits, labels: model.labels, seed });
        const sound = await soundSplits(found.splits, args, out);
        const others = unknown === undefined
          ? undefined
          : await unknownClips(unknown, model.labels, splitsInOrder(found));
        out.warn(`Device: ${device.description}`);
        const result = await fitModelScores({
          ...choice,
          ...{ model, extractor, splits: sound, unknown: others, seed, skipBadFiles },
          batchSize: args.perDeviceEvalBatchSize,
        }, out).catch((error) => {
          throw withSkipHint(error);
        });
        await writeScores(directory, result.config);
        printScores(result, model.labels, out);
        out.line(`Written to ${config}`);
        const { before, after, rejected, unknownAuroc, auroc } = result;
        out.event({ config, before, after, rejected, unknownAuroc, auroc });
        return 0;
      } finally {
        model.dispose();
      }
    } finally {
      device.dispose();
    }
  },
});

async function expectModel(directory: string): Promise<void> {
  if (await isThere(`${directory}/config.json`)) return;
  throw new FileError(
    `Cannot fit scores of "${directory}": expected a model directory, found no config.json`,
    {
      file: directory,
      hint: "A model of the hub has to be copied first: the cache holds what the hub has",
    },
  );
}
