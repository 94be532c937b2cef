/**
 * Clips of none of a model's classes, from a folder of any shape: to choose by, and to measure with, what is rejected.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type AudioClip, type AudioDataset, openClip } from "../data/audio_dataset.ts";
import { audioFilesBelow } from "../data/audio_files.ts";
import { DatasetError } from "../errors.ts";
import type { OptionSpecs } from "./_arguments.ts";

/** The option of the commands that take such clips. */
export const UNKNOWN_OPTION = {
  unknown: {
    kind: "string",
    value: "DIR",
    help: "recordings of none of the classes, in folders of any names but the classes'",
  },
} as const satisfies OptionSpecs;

/**
 * The recordings below a folder.
 *
 * @param known clips of the classes, none of which may be among them.
 * @throws {DatasetError} where there are none, or one is of a class by its folder's name or its content.
 */
export async function unknownClips(
  folder: string,
  labels: readonly string[],
  known: readonly AudioDataset[],
): Promise<AudioDataset> {
  const files = (await audioFilesBelow(folder)).sort();
  if (files.length === 0) {
    throw new DatasetError(`Cannot use "${folder}": expected recordings, found none`, {
      file: folder,
    });
  }
  expectOtherNames(folder, files, labels);
  const clips = files.map((file) => ({ file, label: 0 }));
  await expectOtherContent(clips, known);
  return { split: "unknown", labels, clips };
}

function expectOtherNames(
  folder: string,
  files: readonly string[],
  labels: readonly string[],
): void {
  const classes = new Map(labels.map((label) => [label.toLowerCase(), label]));
  for (const file of files) {
    const parts = [basename(folder), ...file.slice(folder.length).split(/[\\/]/).slice(0, -1)];
    const part = parts.find((part) => classes.has(part.toLowerCase()));
    if (part !== undefined) refuse(file, `a folder of class "${classes.get(part.toLowerCase())}"`);
  }
}

/** Bytes are compared where sizes agree. */
async function expectOtherContent(
  clips: readonly AudioClip[],
  known: readonly AudioDataset[],
): Promise<void> {
  const bySize = new Map<number, AudioClip[]>();
  for (const clip of clips) {
    const size = await sizeOf(clip);
    bySize.set(size, [...bySize.get(size) ?? [], clip]);
  }
  for (const clip of known.flatMap(({ clips }) => clips)) {
    const alike = bySize.get(await sizeOf(clip)) ?? [];
    for (const other of alike) {
      if (await digestOf(clip) !== await digestOf(other)) continue;
      refuse(other.file, `the recording of "${clip.file}"`);
    }
  }
}

async function sizeOf(clip: AudioClip): Promise<number> {
  using source = await openClip(clip);
  return source.sizeBytes;
}

async function digestOf(clip: AudioClip): Promise<string> {
  using source = await openClip(clip);
  return createHash("sha256").update(await source.read(0, source.sizeBytes)).digest("hex");
}

function refuse(file: string, found: string): never {
  throw new DatasetError(
    `Cannot use "${file}" as unknown: expected clips of none of the classes, found ${found}`,
    { file, hint: "Take the clips of the model's classes out of the folder" },
  );
}
