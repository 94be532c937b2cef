/**
 * What training reads: clips by label number, and the labels' names.
 *
 * Clips are light, so 100,000 of them are some megabytes; samples are read by the loader when their
 * batch comes up. `audio_clips.ts` makes them of a data set's rows.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import { fileSource } from "../files.ts";
import { namingRow } from "./_values.ts";
import { listed } from "./features.ts";
import type { OpenFile } from "./_table.ts";

/** One recording. */
export interface AudioClip {
  /** The path of an audio file, or what messages call a recording in a file with others. */
  readonly file: string;
  /** Index into the data set's labels; 0 where there are `targets`. */
  readonly label: number;
  /** Numbers to learn, one for each label, where a clip has not one label alone. */
  readonly targets?: readonly number[];
  /** What it has in common with others, such as its speaker: never on both sides of a split. */
  readonly group?: string;
  /** The fold that the data set gives it. */
  readonly fold?: string;
  /** The row of a metadata file that names `file`, for messages. */
  readonly row?: string;
  /** Opens the recording, where `file` is not its path. */
  readonly open?: () => Promise<OpenFile>;
}

/** What there is to learn of a clip. */
export type LabelKind =
  | "single_label_classification"
  | "multi_label_classification"
  | "regression";

/** The clips of one split. */
export interface AudioDataset {
  /** Which split this is, such as "train". */
  readonly split: string;
  /** The names of all labels, also of those that no clip here has. */
  readonly labels: readonly string[];
  /** In the order of their paths, or as a split drew them. */
  readonly clips: readonly AudioClip[];
  /** @default "single_label_classification" */
  readonly kind?: LabelKind;
}

/**
 * The recording of a clip, open.
 *
 * @throws {FileError} where its file cannot be opened.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile();
 * using source = await openClip({ file, label: 0 });
 * equal(source.sizeBytes, 0);
 * ```
 */
export async function openClip(clip: AudioClip): Promise<OpenFile> {
  if (clip.open) return await clip.open();
  return await fileSource(clip.file).catch((error) => {
    throw clip.row === undefined ? error : namingRow(error, clip.row);
  });
}

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
  if (dataset.kind !== undefined && dataset.kind !== "single_label_classification") {
    return alignTargets(dataset, modelLabels);
  }
  checkLabels(dataset, modelLabels);
  const numbers = dataset.labels.map((name) => modelLabels.indexOf(name));
  const clips = dataset.clips.map((clip) => ({ ...clip, label: numbers[clip.label]! }));
  return { ...dataset, labels: modelLabels, clips };
}

/** The same clips with their numbers in the order of a model's labels. */
function alignTargets(dataset: AudioDataset, modelLabels: readonly string[]): AudioDataset {
  const { kind, labels } = dataset;
  if (kind === "regression" && labels.length === modelLabels.length) {
    return { ...dataset, labels: modelLabels };
  }
  const stranger = labels.find((name) => !modelLabels.includes(name));
  if (stranger !== undefined) {
    throw new DatasetError(
      `Cannot use data set "${dataset.split}": expected labels that the model knows, found ` +
        JSON.stringify(stranger),
      { hint: `The model knows ${listed(modelLabels)}` },
    );
  }
  const places = modelLabels.map((name) => labels.indexOf(name));
  const clips = dataset.clips.map((clip) => {
    return { ...clip, targets: places.map((place) => clip.targets?.[place] ?? 0) };
  });
  return { ...dataset, labels: modelLabels, clips };
}
