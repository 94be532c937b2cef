/**
 * What a look through annotations found, on the command line.
 *
 * @module
 */
import {
  type AnnotationInspection,
  type FoundRow,
  inspectAnnotations,
} from "../data/annotation_inspection.ts";
import { directoryFiles } from "../files.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { duration, type Output, table } from "./_output.ts";

/** Findings of one kind that are shown. */
const MAX_SHOWN = 5;

/** Looks through annotations, prints what it finds, and gives the exit code. */
export async function inspectAnnotated(
  directory: string,
  { model, ...options }: { annotations: string; labelColumn?: string; model?: string },
  out: Output,
): Promise<number> {
  const knownLabels = model === undefined ? undefined : await labelsOfModel(model);
  let tick: ReturnType<Output["progress"]> | undefined;
  const onRecordings = (done: number, total: number) => {
    (tick ??= out.progress("Reading", total))(done);
  };
  const found = await inspectAnnotations(directory, { ...options, knownLabels, onRecordings })
    .finally(() => tick?.(undefined));
  print(directory, found, out);
  out.event({ source: directory, ...found });
  return 0;
}

async function labelsOfModel(model: string): Promise<string[]> {
  const { id2label } = await readJsonFile(directoryFiles(model), "config.json");
  return Object.values(id2label ?? {}).map(String);
}

function print(directory: string, found: AnnotationInspection, out: Output): void {
  out.line(out.strong(directory));
  const { recordings, seconds, labelledSeconds } = found;
  const count = recordings === 1 ? "1 recording" : `${recordings} recordings`;
  out.line(
    `${count} with annotations, ${duration(seconds)}; labelled: ${duration(labelledSeconds)}`,
  );
  out.line(`\n${labelTable(found)}\n`);
  const lines = [
    ...rowLines(
      "row that ends before it begins",
      "rows that end before they begin",
      found.reversed,
    ),
    ...rowLines("row that is none", "rows that are none", found.faulty),
    ...rowLines("label on top of another", "labels on top of others", found.overlapping),
    ...rowLines("label beyond the end", "labels beyond the end of their recordings", found.beyond),
    ...rowLines(
      "label that the model does not know",
      "labels that the model does not know",
      found.unknown,
    ),
    ...rowLines("broken recording", "broken recordings", found.broken),
    ...nameLines("recording that is not there", "recordings that are not there", found.missing),
    ...nameLines(
      "recording without annotations",
      "recordings without annotations",
      found.unlabelled,
    ),
    ...nameLines(
      "text file that is no annotations",
      "text files that are no annotations",
      found.others,
    ),
  ];
  out.line(lines.length > 0 ? lines.join("\n") : "Nothing wrong was found");
}

function labelTable({ labels }: AnnotationInspection): string {
  const seconds = (value: number) => value.toFixed(2);
  return table(
    ["Label", "Events", "Recordings", "Length", "Shortest s", "Longest s"],
    labels.map(({ label, events, recordings, seconds: total, shortest, longest }) => [
      label,
      events,
      recordings,
      duration(total),
      seconds(shortest),
      seconds(longest),
    ]),
  );
}

function rowLines(one: string, many: string, rows: readonly FoundRow[]): string[] {
  return nameLines(
    one,
    many,
    rows.map(({ file, reason }) => reason.includes(file) ? reason : `${file}: ${reason}`),
  );
}

function nameLines(one: string, many: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, MAX_SHOWN).map((name) => `  ${name}`);
  const more = names.length > MAX_SHOWN
    ? [`  and ${names.length - MAX_SHOWN} more; --json lists all`]
    : [];
  return [names.length === 1 ? `1 ${one}:` : `${names.length} ${many}:`, ...shown, ...more];
}
