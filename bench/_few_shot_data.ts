/**
 * The recordings that few-shot learning is measured with, none of which the backbone has heard where it is said so.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { listFolder } from "../src/files.ts";
import type { Random } from "../src/random.ts";
import { foldOf, speakerOf, UNHEARD_FOLD, unheardWords } from "../models/make_backbone/sources.ts";

/** A recording and its class. */
export interface Clip {
  file: string;
  label: string;
}

/** Clips to learn from and to be tested on. */
export interface Task {
  train: Clip[];
  test: Clip[];
}

/** ESC-10: folds 1 to 4, and the fold that was not heard. */
export async function sounds(folder: string): Promise<Task> {
  const { folders } = await listFolder(folder);
  const clips = (await Promise.all(folders.map((name) => clipsIn(join(folder, name))))).flat();
  return {
    train: clips.filter(({ file }) => foldOf(file) !== UNHEARD_FOLD),
    test: clips.filter(({ file }) => foldOf(file) === UNHEARD_FOLD),
  };
}

/** Arabic Speech Commands by its own splits: words that were heard, or those that were not. */
export async function words(
  folder: string,
  { heard }: { heard: boolean },
): Promise<Task & { validation: Clip[] }> {
  const unheard = (await unheardWords(folder)).words;
  const [train, validation, test] = await Promise.all(
    ["train", "val", "test"].map(async (split) => {
      const rows = (await Deno.readTextFile(join(folder, `${split}.csv`))).trim().split("\n").slice(
        1,
      );
      const clips = rows.map((row) => {
        const file = join(folder, row.split(",")[0]!);
        return { file, label: basename(dirname(file)) };
      });
      return clips.filter(({ label }) => unheard.includes(label) !== heard);
    }),
  ) as [Clip[], Clip[], Clip[]];
  return { train, validation, test };
}

/** The Free Spoken Digit Dataset, all of it. */
export async function digits(folder: string): Promise<Clip[]> {
  const clips = await Promise.all(["train", "test"].map(async (split) => {
    const { folders } = await listFolder(join(folder, split));
    return await Promise.all(folders.map((name) => clipsIn(join(folder, split, name))));
  }));
  return clips.flat(2);
}

/** Who spoke a digit: what the name begins with. */
export function digitSpeakerOf({ file }: Clip): string {
  return basename(file).split("_")[0]!;
}

/** Who spoke a word. */
export function wordSpeakerOf({ file }: Clip): string {
  return speakerOf(file);
}

/** So many clips of each class, drawn. */
export function fewOf(clips: readonly Clip[], shots: number, random: Random): Clip[] {
  const byLabel = Map.groupBy(clips, ({ label }) => label);
  return [...byLabel.values()].flatMap((own) =>
    Array.from(random.permutation(own.length).subarray(0, shots), (place) => own[place]!)
  );
}

async function clipsIn(folder: string): Promise<Clip[]> {
  const { files } = await listFolder(folder);
  return files.filter((file) => /\.(wav|ogg)$/.test(file))
    .map((file) => ({ file: join(folder, file), label: basename(folder) }));
}
