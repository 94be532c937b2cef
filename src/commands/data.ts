/**
 * `data`: what is in a data set, and what is wrong with it, before anything is trained.
 *
 * @module
 */
import type { Dataset } from "../data/dataset.ts";
import { splitsOf } from "../data/dataset_dict.ts";
import { type FoundClip, type Inspection, inspectSplits } from "../data/inspection.ts";
import { loadDataset, type NoticeKind } from "../data/load_dataset.ts";
import { inspectAnnotated } from "./_annotation_findings.ts";
import { type OptionSpecs, UsageError } from "./_arguments.ts";
import { type Command, defineCommand } from "./_command.ts";
import { dataFromCache, SOURCE_OPTIONS, sourceChoice } from "./_data.ts";
import { inFlags } from "./_flags.ts";
import { duration, type Output, table } from "./_output.ts";

/** Findings of one kind that are shown. */
const MAX_SHOWN = 5;

const OPTIONS = {
  ...SOURCE_OPTIONS,
  annotations: {
    kind: "string",
    value: "FILE|DIR",
    help: "what is where in long recordings: looks through these instead of clips",
  },
  model: {
    kind: "string",
    value: "DIR",
    help: "with annotations: the model that knows the labels",
  },
} as const satisfies OptionSpecs;

/** `data` on the command line. */
export const command: Command = defineCommand({
  usage: "data inspect DIR|ID [--annotations FILE|DIR]",
  options: OPTIONS,
  examples: [
    "data inspect path/to/recordings",
    "data inspect PolyAI/minds14 --data-name en-US --label-column intent_class",
    "data inspect clips.parquet --json",
    "data inspect path/to/nights --annotations path/to/labels.csv",
  ],
  note:
    "Reads every recording. Findings are no failure: the exit code is 0 where all could be read\n" +
    "through, whatever was found.",
  run: async (parsed, out) => {
    const [verb, source, ...more] = parsed.files;
    if (verb !== "inspect" || source === undefined || more.length > 0) {
      throw new UsageError(
        `Cannot use "data ${parsed.files.join(" ")}": expected "data inspect DIR|ID"`,
      );
    }
    const choice = sourceChoice(parsed.options);
    const { annotations, model } = parsed.options;
    if (annotations !== undefined) {
      const { labelColumn } = choice;
      return await inspectAnnotated(source, { annotations, labelColumn, model }, out);
    }
    if (model !== undefined) {
      throw new UsageError('Cannot use argument "--model": expected "--annotations" with it');
    }
    const notes: string[] = [];
    const suspicious: string[] = [];
    const onNotice = (note: string, kind: NoticeKind) => {
      (kind === "note" ? notes : suspicious).push(inFlags(note));
    };
    const dict = await dataFromCache(source, choice, (offline) => {
      return loadDataset(source, { ...choice, onNotice, ...offline });
    });
    const splits = splitsOf(dict);
    const total = Object.values(splits).reduce((sum, { numRows }) => sum + numRows, 0);
    const tick = out.progress("Reading", total);
    const found = await inspectSplits(splits, { ...choice, onClips: tick })
      .finally(() => tick(undefined));
    found.suspicious = [...suspicious, ...found.suspicious.map(inFlags)];
    print(source, splits, found, out);
    for (const note of notes) out.line(note);
    out.event({ source, ...found, notes });
    return 0;
  },
});

function print(
  source: string,
  splits: Record<string, Dataset>,
  found: Inspection,
  out: Output,
): void {
  out.line(out.strong(source));
  for (const [column, feature] of Object.entries(Object.values(splits)[0]!.features)) {
    out.line(`  ${column}: ${feature}`);
  }
  out.line(`\n${splitTable(found)}`);
  out.line(`\n${labelTable(found)}\n`);
  const kinds: [string, FoundClip[]][] = [
    ["broken", found.broken],
    ["silent", found.silent],
    ["clipped", found.clipped],
    ["without a known label", found.unlabelled],
    ["the only one with its label", found.single],
  ];
  const lines = found.suspicious.map((text) => `Suspicious: ${text}`);
  lines.push(...kinds.flatMap(([kind, clips]) => clipLines(kind, clips)));
  lines.push(...groupLines("in several splits (leakage)", found.leakage));
  lines.push(...groupLines("there more than once", found.duplicates));
  out.line(lines.length > 0 ? lines.join("\n") : "Nothing wrong was found");
}

function splitTable({ splits }: Inspection): string {
  const seconds = (value: number) => value.toFixed(2);
  return table(
    ["Split", "Clips", "Length", "Shortest s", "Median s", "Longest s", "Rates"],
    splits.map(({ split, clips, durations: { total, shortest, median, longest }, rates }) => [
      split,
      clips,
      duration(total),
      seconds(shortest),
      seconds(median),
      seconds(longest),
      Object.entries(rates).map(([rate, count]) => `${rate} Hz (${count})`).join(", "),
    ]),
  );
}

/** Clips by label, a column for each split. */
function labelTable({ splits }: Inspection): string {
  const labels = [...new Set(splits.flatMap((split) => Object.keys(split.labels)))].sort();
  return table(
    ["Label", ...splits.map(({ split }) => split)],
    labels.map((label) => [label, ...splits.map((split) => split.labels[label] ?? 0)]),
  );
}

function clipLines(kind: string, clips: readonly FoundClip[]): string[] {
  if (clips.length === 0) return [];
  const shown = clips.slice(0, MAX_SHOWN).map(({ split, file, reason }) =>
    `  ${split}: ${reason?.includes(file) ? reason : reason ? `${file}, ${reason}` : file}`
  );
  return [`${counted(clips.length)} ${kind}:`, ...shown, ...rest(clips.length)];
}

function groupLines(kind: string, groups: readonly FoundClip[][]): string[] {
  if (groups.length === 0) return [];
  const shown = groups.slice(0, MAX_SHOWN).map((clips) =>
    `  ${clips.map(({ split, file }) => `${split}: ${file}`).join(" = ")}`
  );
  return [`${counted(groups.length)} ${kind}:`, ...shown, ...rest(groups.length)];
}

function counted(count: number): string {
  return count === 1 ? "1 clip" : `${count} clips`;
}

function rest(count: number): string[] {
  return count > MAX_SHOWN ? [`  and ${count - MAX_SHOWN} more; --json lists all`] : [];
}
