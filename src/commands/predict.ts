/**
 * `predict`: recordings in, labels out.
 *
 * @module
 */
import { readBounded } from "../classify/bounded_stream.ts";
import { type AudioClassifier, type AudioInput, pipeline } from "../classify/pipeline.ts";
import { useDevice } from "../devices.ts";
import { AudioFormatError, FileError } from "../errors.ts";
import { TrainingArguments } from "../train/options/arguments.ts";
import { bytesSource } from "../weights/byte_source.ts";
import { UsageError } from "./_arguments.ts";
import {
  type Command,
  defineCommand,
  DEVICE_OPTIONS,
  deviceOptions,
  warnOfUnused,
} from "./_command.ts";
import { namedAudio, STANDARD_INPUT } from "./_listed_recordings.ts";
import {
  ADAPTER_OPTION,
  HEAD_OPTION,
  MODEL_OPTION,
  modelOrBundled,
  RAW_SCORES_OPTION,
} from "./_model_directory.ts";
import type { Output } from "./_output.ts";
import { givenTrainingOptions, trainingOptionSpecs } from "./_training_arguments.ts";
import { classifierInViews, type ClassifyInViews } from "./_views.ts";

/** The training arguments that mean something here. */
const VIEW_NAMES = ["eval-views", "eval-view-shift-seconds"] as const;

const MAX_INPUT_BYTES = 512 * 2 ** 20;

/** `predict` on the command line. */
export const command: Command = defineCommand({
  usage: "predict [--model DIR|ID] [--head DIR] FILE|DIR|- ...",
  options: {
    ...MODEL_OPTION,
    ...HEAD_OPTION,
    ...ADAPTER_OPTION,
    "top-k": {
      kind: "number",
      whole: true,
      min: 1,
      default: 5,
      help: "how many classes to show, the best first",
    },
    ...RAW_SCORES_OPTION,
    ...DEVICE_OPTIONS,
  },
  others: Object.fromEntries(VIEW_NAMES.map((name) => [name, trainingOptionSpecs()[name]!])),
  examples: [
    "predict recording.wav",
    "predict --model my-model --top-k 1 --json path/to/recordings",
    "predict - < recording.wav",
  ],
  run: async ({ options, others, files: named }, out) => {
    if (named.length === 0) {
      throw new UsageError("Cannot predict: expected files, folders or -, found none");
    }
    const topK = options["top-k"];
    const args = new TrainingArguments({ outputDir: ".", ...givenTrainingOptions(others) });
    const chosen = deviceOptions(options);
    const files = (await Promise.all(named.map(namedAudio))).flatMap(({ files }) => files);
    const model = await modelOrBundled(options.model, out);
    const device = await useDevice(chosen);
    try {
      const classifier = await pipeline("audio-classification", model, {
        head: options.head,
        adapter: options.adapter,
        offline: true,
        longClips: "windows",
        rawScores: options["raw-scores"],
        onWarning: (message) => out.warn(`Warning: ${message}`),
      });
      out.warn(`Device: ${device.description}`);
      warnOfUnused(classifier.model, model, out);
      const inViews = args.evalViews > 1
        ? classifierInViews(classifier, args, { topK, rawScores: options["raw-scores"] })
        : undefined;
      const failed = await predictAll(classifier, { files, topK, inViews }, out);
      classifier.dispose();
      return failed === 0 ? 0 : 1;
    } finally {
      device.dispose();
    }
  },
});

/** Prints the classes of each file; a file that cannot be used does not keep the next from their turn. */
async function predictAll(
  classifier: AudioClassifier,
  { files, topK, inViews }: { files: string[]; topK?: number; inViews?: ClassifyInViews },
  out: Output,
): Promise<number> {
  let failed = 0;
  for (const file of files) {
    try {
      const predictions = inViews
        ? await inViews(await clipOf(file))
        : await classifier(await inputOf(file), { topK });
      out.event({ file, predictions });
      if (out.json) continue;
      out.line(out.strong(file));
      for (const { label, score } of predictions) out.line(`  ${score.toFixed(4)}  ${label}`);
    } catch (error) {
      if (!(error instanceof AudioFormatError || error instanceof FileError)) throw error;
      failed++;
      out.warn(error.message);
      if (error.hint) out.warn(`- ${error.hint}`);
    }
  }
  return failed;
}

async function clipOf(file: string): Promise<Parameters<ClassifyInViews>[0]> {
  const input = await inputOf(file);
  if (typeof input === "string") return { file: input };
  const source = bytesSource("standard input", input as Uint8Array);
  const open = () => Promise.resolve({ ...source, [Symbol.dispose]: () => {} });
  return { file: "standard input", open };
}

async function inputOf(file: string): Promise<AudioInput> {
  if (file !== STANDARD_INPUT) return file;
  const bytes = await readBounded(Deno.stdin.readable, MAX_INPUT_BYTES);
  if (bytes) return bytes;
  throw new AudioFormatError(
    `Cannot read standard input: expected at most ${MAX_INPUT_BYTES} bytes, found more`,
  );
}
