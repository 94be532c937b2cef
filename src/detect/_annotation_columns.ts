/**
 * What the columns of an annotation table mean, from their names.
 *
 * Names are compared without case and without what is not a letter or digit, so that `Begin Time (s)`,
 * `begin_time` and `BeginTime` are the same. Where a table has several columns for one meaning, the first in the
 * lists below is taken.
 *
 * @module
 */

/** The meanings that a column can have. */
export type ColumnRole = "file" | "start" | "end" | "duration" | "label" | "state";

/** The names of the columns found, by what they mean. */
export type ColumnNames = Partial<Record<ColumnRole, string>> & {
  /** What to take where the label's column has nothing. */
  otherLabel?: string;
};

const FILE_NAMES = [
  ...["filename", "file", "path", "filepath", "audio", "recording"],
  ...["beginfile", "beginpath", "infile", "audiofilename", "audiofile", "wavfile"],
];
const START_NAMES = [
  ...["fileoffset", "start", "onset", "begin", "starttime", "begintime", "startseconds"],
  ...["startsec", "onsetseconds"],
];
const END_NAMES = ["end", "offset", "stop", "endtime", "endseconds", "endsec", "offsetseconds"];
const DURATION_NAMES = ["duration", "deltatime", "length", "durationseconds", "durationsec"];
const LABEL_NAMES = [
  ...["label", "eventlabel", "annotation", "species", "commonname", "class", "category"],
  ...["manualid", "autoid", "tag", "tags", "name", "event", "speciescode", "soundtype", "type"],
];

/** Finds the columns of a heading or the keys of an object; `labelColumn` is taken as the label's whatever its name. */
export function columnNames(names: readonly string[], labelColumn?: string): ColumnNames {
  const found = new Map<string, string>();
  for (const name of names) if (!found.has(plain(name))) found.set(plain(name), name);
  const first = (known: readonly string[]) => {
    const key = known.find((name) => found.has(name));
    return key === undefined ? undefined : found.get(key);
  };
  const start = first(START_NAMES);
  const duration = first(DURATION_NAMES);
  const label = labelColumn ?? first(LABEL_NAMES);
  const columns = {
    file: first(FILE_NAMES),
    label,
    otherLabel: plain(label ?? "") === "manualid" ? found.get("autoid") : undefined,
    state: found.get("state"),
  };
  // Kaleidoscope's OFFSET is where a sound begins; everywhere else it is where one ends.
  if (start === undefined && duration !== undefined) {
    return { ...columns, start: found.get("offset"), duration };
  }
  return { ...columns, start, end: first(END_NAMES), duration };
}

/** Whether these are columns of annotations. */
export function areAnnotations(columns: ColumnNames): boolean {
  return columns.start !== undefined &&
    (columns.end !== undefined || columns.duration !== undefined);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\((s|sec|seconds)\)/, "").replace(/[^\p{L}\p{N}]/gu, "");
}
