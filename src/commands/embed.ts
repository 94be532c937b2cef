/**
 * `embed`: recordings in, what the model makes of them before its classes out, as a file to search and to sort.
 *
 * @module
 */
import type { AudioClassifier } from "../classify/pipeline.ts";
import { useDevice } from "../devices.ts";
import { AudioFormatError, FileError } from "../errors.ts";
import { expectWritable, writeFileAtomic } from "../files.ts";
import { UsageError } from "./_arguments.ts";
import { listedRecordings, STANDARD_INPUT } from "./_listed_recordings.ts";
import {
  type Command,
  defineCommand,
  DEVICE_OPTIONS,
  deviceOptions,
  warnOfUnused,
} from "./_command.ts";
import {
  EMBEDDING_ENDINGS,
  embeddingClassifier,
  embeddingFile,
  type EmbeddingRow,
  isEmbeddingFile,
} from "./_embedding_file.ts";
import { MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import type { Output } from "./_output.ts";

/** `embed` on the command line. */
export const command: Command = defineCommand({
  usage: "embed [--model DIR|ID] --output FILE.parquet FILE|DIR ...",
  options: {
    ...MODEL_OPTION,
    output: {
      kind: "string",
      value: "FILE",
      help: "where the vectors go, a name that ends with .parquet or .jsonl",
    },
    layer: {
      kind: "number",
      whole: true,
      help: "hidden state, 0 before the first layer, -1 the last (what the head looks at)",
    },
    pooling: {
      kind: "choice",
      choices: ["mean", "frames"],
      default: "mean",
      help: "one vector a clip, or one for each frame",
    },
    ...DEVICE_OPTIONS,
  },
  examples: [
    "embed --output clips.parquet path/to/recordings",
    "embed --model my-model --layer 2 --pooling frames --output frames.jsonl recording.wav",
  ],
  run: async ({ options, files: named }, out) => {
    const { output, layer, pooling } = options;
    if (output === undefined) {
      throw new UsageError('Cannot embed: expected argument "--output FILE.parquet", found none');
    }
    if (!isEmbeddingFile(output)) {
      throw new UsageError(
        `Cannot use argument "--output": expected a name that ends with ${
          EMBEDDING_ENDINGS.join(" or ")
        }, found "${output}"`,
      );
    }
    if (named.length === 0) {
      throw new UsageError("Cannot embed: expected files or folders, found none");
    }
    if (named.includes(STANDARD_INPUT)) {
      throw new UsageError("Cannot embed standard input: expected files or folders");
    }
    const files = (await listedRecordings(named)).map(({ file }) => file);
    const model = await modelOrBundled(options.model, out);
    await expectWritable(output);
    const device = await useDevice(deviceOptions(options));
    try {
      const { classifier, fingerprint } = await embeddingClassifier(model, {
        onWarning: (message) => out.warn(`Warning: ${message}`),
      });
      out.warn(`Device: ${device.description}`);
      warnOfUnused(classifier.model, model, out);
      const { rows, failed } = await embedAll(classifier, { files, layer, pooling }, out);
      classifier.dispose();
      if (rows.length === 0) return 1;
      const origin = { model: fingerprint, layer: layer ?? null };
      await writeFileAtomic(output, [embeddingFile(output, { rows, origin })]);
      out.event({ event: "done", output, vectors: rows.length, size: rows[0]!.embedding.length });
      out.line(`${rows.length} vectors of ${rows[0]!.embedding.length} numbers are in ${output}`);
      return failed === 0 ? 0 : 1;
    } finally {
      device.dispose();
    }
  },
});

interface EmbedPlan {
  files: readonly string[];
  layer?: number;
  pooling: "mean" | "frames";
}

/** The vectors of all files; one that cannot be used does not keep the next from their turn. */
async function embedAll(
  classifier: AudioClassifier,
  { files, layer, pooling }: EmbedPlan,
  out: Output,
): Promise<{ rows: EmbeddingRow[]; failed: number }> {
  const rows: EmbeddingRow[] = [];
  let failed = 0;
  for (const file of files) {
    try {
      const { values, size, times } = await classifier.embed(file, { layer, pooling });
      const [best, next] = await classifier(file, { topK: 2, rawScores: true });
      const said = {
        label: best!.label,
        score: best!.score,
        margin: best!.score - (next?.score ?? 0),
      };
      for (let i = 0; i < values.length / size; i++) {
        const embedding = Array.from(values.subarray(i * size, (i + 1) * size));
        const time = times?.[i];
        const isTimed = time !== undefined && Number.isFinite(time);
        rows.push({ file, time: isTimed ? time : null, ...said, embedding });
      }
    } catch (error) {
      if (!(error instanceof AudioFormatError || error instanceof FileError)) throw error;
      failed++;
      out.warn(error.message);
      if (error.hint) out.warn(`- ${error.hint}`);
    }
  }
  return { rows, failed };
}
