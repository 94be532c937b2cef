/**
 * `nearest`: search by example in a file that `embed` has written, or the clips that are least certain, first.
 *
 * @module
 */
import { useDevice } from "../devices.ts";
import { UsageError } from "./_arguments.ts";
import { type Command, defineCommand, DEVICE_OPTIONS, deviceOptions } from "./_command.ts";
import {
  embeddingClassifier,
  type EmbeddingOrigin,
  type EmbeddingRow,
  readEmbeddings,
} from "./_embedding_file.ts";
import { MODEL_OPTION, modelOrBundled } from "./_model_directory.ts";
import type { Output } from "./_output.ts";

/** `nearest` on the command line. */
export const command: Command = defineCommand({
  usage:
    "nearest [--model DIR|ID] --in FILE.parquet CLIP | nearest --in FILE.parquet --sort margin",
  options: {
    ...MODEL_OPTION,
    in: { kind: "string", value: "FILE", help: "vectors that embed has written" },
    sort: {
      kind: "choice",
      choices: ["similarity", "margin"],
      default: "similarity",
      help: "most like CLIP first; or, without CLIP, least certain first",
    },
    layer: {
      kind: "number",
      whole: true,
      help: "hidden state, as it was given to embed (what the head looks at)",
    },
    "top-k": {
      kind: "number",
      whole: true,
      min: 1,
      default: 10,
      help: "how many to show",
    },
    ...DEVICE_OPTIONS,
  },
  examples: [
    "nearest --in clips.parquet path/to/clip.wav",
    "nearest --in clips.parquet --sort margin --top-k 20",
  ],
  run: async ({ options, files: named }, out) => {
    const { in: file, sort, layer } = options;
    const topK = options["top-k"];
    if (file === undefined) {
      throw new UsageError('Cannot search: expected argument "--in FILE.parquet", found none');
    }
    if (sort === "margin") {
      if (named.length > 0) {
        throw new UsageError(
          `Cannot use argument "${named[0]}": --sort margin needs no clip to compare with`,
        );
      }
      const { rows } = await readEmbeddings(file);
      print(ranked(rows, ({ margin }) => -margin), { topK, shown: "margin" }, out);
      return 0;
    }
    if (named.length !== 1) {
      throw new UsageError(`Cannot search: expected one clip, found ${named.length}`);
    }
    const { rows, origin } = await readEmbeddings(file);
    const model = await modelOrBundled(options.model, out);
    const device = await useDevice(deviceOptions(options));
    try {
      const { classifier, fingerprint } = await embeddingClassifier(model);
      const { values, size } = await classifier.embed(named[0]!, { layer });
      classifier.dispose();
      expectSameOrigin(file, origin, { model: fingerprint, layer: layer ?? null });
      expectSize(rows, size, file);
      print(ranked(rows, similarityTo(values)), { topK, shown: "similarity" }, out);
      return 0;
    } finally {
      device.dispose();
    }
  },
});

/** A row, and how high it stands. */
interface Ranked extends EmbeddingRow {
  similarity: number;
}

/** The highest first, each file once, with its highest row. */
function ranked(rows: readonly EmbeddingRow[], height: (row: EmbeddingRow) => number): Ranked[] {
  const best = new Map<string, Ranked>();
  for (const row of rows) {
    const similarity = height(row);
    const known = best.get(row.file);
    if (!known || similarity > known.similarity) best.set(row.file, { ...row, similarity });
  }
  return [...best.values()].sort((a, b) => b.similarity - a.similarity);
}

/** The cosine of the angle between a vector and that of a row; 0 where one of them has no length. */
function similarityTo(wanted: Float32Array): (row: EmbeddingRow) => number {
  const own = Math.hypot(...wanted);
  return ({ embedding }) => {
    const product = embedding.reduce((sum, value, i) => sum + value * wanted[i]!, 0);
    const lengths = own * Math.hypot(...embedding);
    return lengths === 0 ? 0 : product / lengths;
  };
}

/** Vectors of another model or layer say nothing about this clip. */
function expectSameOrigin(
  file: string,
  found: EmbeddingOrigin | undefined,
  { model, layer }: EmbeddingOrigin,
): void {
  if (found === undefined) return;
  if (model !== undefined && found.model !== undefined && found.model !== model) {
    const short = (fingerprint: string) => fingerprint.slice(0, 12);
    throw new UsageError(
      `Cannot search in "${file}": expected vectors of a model of fingerprint ${short(model)}, ` +
        `found ${short(found.model)}`,
      { hint: "Name the model with which the file was written" },
    );
  }
  if (found.layer === layer) return;
  const named = (layer: number | null) =>
    layer === null ? "what the head looks at" : `layer ${layer}`;
  throw new UsageError(
    `Cannot search in "${file}": expected vectors of ${named(layer)}, found ${named(found.layer)}`,
    { hint: "Give the --layer with which the file was written" },
  );
}

/** The same of a file that does not say what it is of. */
function expectSize(rows: readonly EmbeddingRow[], size: number, file: string): void {
  const found = rows[0]!.embedding.length;
  if (found === size) return;
  throw new UsageError(
    `Cannot search in "${file}": expected vectors of ${size} numbers, as the model gives, found ${found}`,
    { hint: "Name the model with which the file was written" },
  );
}

function print(
  rows: readonly Ranked[],
  { topK, shown }: { topK: number; shown: "similarity" | "margin" },
  out: Output,
): void {
  for (const row of rows.slice(0, topK)) {
    const { file, time, label, score } = row;
    const value = row[shown];
    out.event({ file, time, [shown]: value, label, score });
    const place = time === null ? file : `${file} at ${time.toFixed(2)} s`;
    out.line(`  ${value.toFixed(4)}  ${place}  ${label} ${score.toFixed(2)}`);
  }
}
