/**
 * The recordings that the backbone learns from, and those that it must never hear.
 *
 * What is kept back is what `docs/few_shots.md` measures with: a fold of the sounds, and of the words ten by name and
 * all that six speakers said.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { listFolder } from "../../src/files.ts";

/** Where a recording comes from. */
export type SourceName = "words" | "wake_words" | "commands" | "sounds" | "instruments";

/** A recording to learn from. */
export interface SourceClip {
  source: SourceName;
  file: string;
  /** What it is, within its source; absent where that is not learnt. */
  label?: string;
}

/** The folder of each source; one that cannot be had is left out. */
export type SourceFolders = Readonly<Partial<Record<SourceName, string>>>;

/** The fold of ESC-10 that is kept back: the first digit of a name. */
export const UNHEARD_FOLD = "5";
/** How many words are kept back, the first by name. */
export const UNHEARD_WORDS = 10;

/** Endings of files that hold sound. */
const SOUND = /\.(wav|flac|ogg)$/;

/** Recordings of ESC-10, by their number on Freesound, whose terms (Sampling Plus 1.0) are not as free as the others'. */
const RESTRICTED_SOUNDS = ["96460", "40730"];

/** Whether a source is of speech, which the speech embedding teaches; YAMNet teaches all others. */
export function isSpoken(source: SourceName | undefined): boolean {
  return source === "words" || source === "wake_words" || source === "commands";
}

/** All recordings that may be heard, in one order. */
export async function heardClips(folders: SourceFolders): Promise<SourceClip[]> {
  const { words, wake_words, commands, sounds, instruments } = folders;
  return [
    ...words ? await heardWords(words) : [],
    ...wake_words ? await labelledByFolder(wake_words, "wake_words") : [],
    ...commands ? await unlabelled(commands) : [],
    ...sounds ? await heardSounds(sounds) : [],
    ...instruments ? await heardInstruments(instruments) : [],
  ];
}

/** Words and speakers of Arabic Speech Commands that are kept back. */
export async function unheardWords(
  folder: string,
): Promise<{ words: string[]; speakers: string[] }> {
  const rows = (await Deno.readTextFile(join(folder, "test.csv"))).trim().split("\n").slice(1);
  const speakers = new Set(rows.map((row) => speakerOf(row.split(",")[0]!)));
  const { folders } = await listFolder(join(folder, "dataset"));
  return {
    words: folders.slice(0, UNHEARD_WORDS),
    speakers: [...speakers].sort(),
  };
}

/** Who spoke, of a file of Arabic Speech Commands: the first eight digits. */
export function speakerOf(file: string): string {
  return basename(file).slice(0, 8);
}

/** The fold of a file of ESC-10. */
export function foldOf(file: string): string {
  return basename(file).slice(0, 1);
}

async function heardWords(folder: string): Promise<SourceClip[]> {
  const unheard = await unheardWords(folder);
  const all = await labelledByFolder(join(folder, "dataset"), "words");
  return all.filter(({ file, label }) =>
    !unheard.words.includes(label!) && !unheard.speakers.includes(speakerOf(file))
  );
}

async function heardSounds(folder: string): Promise<SourceClip[]> {
  const all = await labelledByFolder(folder, "sounds");
  return all.filter(({ file }) =>
    foldOf(file) !== UNHEARD_FOLD && !RESTRICTED_SOUNDS.includes(basename(file).split("-")[1]!)
  );
}

/** Instruments are what their names begin with. */
async function heardInstruments(folder: string): Promise<SourceClip[]> {
  return (await soundsIn(folder)).map((file) => ({
    source: "instruments",
    file,
    label: basename(file).split("_")[0]!,
  }));
}

async function unlabelled(folder: string): Promise<SourceClip[]> {
  const files = await soundsIn(folder);
  return files.map((file) => ({ source: "commands", file }));
}

async function labelledByFolder(folder: string, source: SourceName): Promise<SourceClip[]> {
  const { folders } = await listFolder(folder);
  const files = await Promise.all(folders.map((name) => soundsIn(join(folder, name))));
  return files.flat().map((file) => ({ source, file, label: basename(dirname(file)) }));
}

async function soundsIn(folder: string): Promise<string[]> {
  const { files } = await listFolder(folder);
  return files.filter((file) => SOUND.test(file)).map((file) => join(folder, file));
}
