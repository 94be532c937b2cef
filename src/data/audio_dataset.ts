/**
 * What a data set is here: clips by file and label number, and the labels' names.
 *
 * Rows are light, so 100,000 clips are a few megabytes; samples are read by the loader when their
 * batch comes up. A data set is one split; a folder with several gives several.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";

/** One recording. */
export interface AudioClip {
  /** The path of an audio file. */
  readonly file: string;
  /** Index into the data set's labels. */
  readonly label: number;
}

/** The clips of one split. */
export interface AudioDataset {
  /** Which split this is, such as "train". */
  readonly split: string;
  /** The names of all labels, also of those that no clip here has. */
  readonly labels: readonly string[];
  /** In the order of their paths, or as a split drew them. */
  readonly clips: readonly AudioClip[];
}

/** Most names that a message lists. */
const MAX_LISTED = 20;

/**
 * Checks that a model knows the label of every clip.
 *
 * @param dataset the clips to evaluate or train on.
 * @param modelLabels the model's labels; the order does not matter.
 * @throws {DatasetError} naming a label that the model does not know, and one of its files.
 *
 * @example
 * ```ts
 * import { throws } from "node:assert/strict";
 *
 * const clips = [{ file: "no/1.wav", label: 0 }];
 * const dataset = { split: "test", labels: ["no", "yes"], clips };
 * checkLabels(dataset, ["maybe", "no"]);
 * throws(() => checkLabels(dataset, ["maybe", "yes"]), /found "no"/);
 * ```
 */
export function checkLabels(dataset: AudioDataset, modelLabels: readonly string[]): void {
  const known = new Set(modelLabels);
  const isKnown = dataset.labels.map((name) => known.has(name));
  const stranger = dataset.clips.find((clip) => !isKnown[clip.label]);
  if (stranger === undefined) return;
  const count = dataset.clips.filter((clip) => clip.label === stranger.label).length;
  const name = JSON.stringify(dataset.labels[stranger.label]);
  throw new DatasetError(
    `Cannot use data set "${dataset.split}": expected labels that the model knows, found ${name} ` +
      `(${count === 1 ? "1 clip" : `${count} clips, the first`}: "${stranger.file}")`,
    { file: stranger.file, hint: `The model knows ${listed(modelLabels)}` },
  );
}

/**
 * The same clips under a model's label numbers.
 *
 * @param dataset the clips to evaluate or train on.
 * @param modelLabels the model's labels by number.
 * @returns a new data set; the one given stays as it is.
 * @throws {DatasetError} as {@linkcode checkLabels} does.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 *
 * const clips = [{ file: "no/1.wav", label: 0 }];
 * const dataset = { split: "test", labels: ["no", "yes"], clips };
 * const aligned = alignLabels(dataset, ["yes", "maybe", "no"]);
 * deepEqual(aligned.clips, [{ file: "no/1.wav", label: 2 }]);
 * ```
 */
export function alignLabels(dataset: AudioDataset, modelLabels: readonly string[]): AudioDataset {
  checkLabels(dataset, modelLabels);
  const numbers = dataset.labels.map((name) => modelLabels.indexOf(name));
  const clips = dataset.clips.map(({ file, label }) => ({ file, label: numbers[label]! }));
  return { ...dataset, labels: modelLabels, clips };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => JSON.stringify(name)).join(", ");
  return names.length > MAX_LISTED ? `${shown} and ${names.length - MAX_LISTED} more` : shown;
}
