/**
 * Recordings that cannot be used: found by their headers before any time goes into the others, and named all at once.
 *
 * @module
 */
import type { AudioDataset } from "../data/audio_dataset.ts";
import { type BadClip, badClips } from "../data/durations.ts";
import { AudioFormatError, DatasetError, FileError } from "../errors.ts";
import type { Output } from "./_output.ts";

/** So many are named; who has more has another problem. */
const MAX_NAMED = 50;

const SKIP = "--skip-bad-files";

/**
 * The same splits without the clips that cannot be used.
 *
 * @throws {FileError | AudioFormatError} for the only one, where bad files are not skipped.
 * @throws {DatasetError} naming all of them, where there are several; or where nothing of a split is left.
 */
export async function soundSplits<
  Splits extends Readonly<Record<string, AudioDataset | undefined>>,
>(
  splits: Splits,
  { skipBadFiles }: { skipBadFiles: boolean },
  out: Output,
): Promise<Splits> {
  const found: [name: string, dataset: AudioDataset, bad: BadClip[]][] = [];
  for (const [name, dataset] of Object.entries(splits)) {
    if (dataset) found.push([name, dataset, await badClips(dataset.clips)]);
  }
  const bad = found.flatMap(([, , bad]) => bad);
  if (bad.length === 0) return splits;
  const isAll = found.every(([, { clips }, bad]) => bad.length === clips.length);
  if (!skipBadFiles || isAll) throw badFilesError(bad, isAll);
  const count = bad.length === 1 ? "1 recording is" : `${bad.length} recordings are`;
  out.warn(`Warning: ${count} left out, since no sound can be read:`);
  for (const line of messagesOf(bad)) out.warn(`- ${line}`);
  const kept = found.map(([name, dataset, bad]) => [name, withoutClips(dataset, bad)]);
  return { ...splits, ...Object.fromEntries(kept) };
}

function withoutClips(dataset: AudioDataset, bad: readonly BadClip[]): AudioDataset {
  if (bad.length === 0) return dataset;
  const dropped = new Set(bad.map(({ index }) => index));
  const clips = dataset.clips.filter((_, index) => !dropped.has(index));
  if (clips.length > 0) return { ...dataset, clips };
  throw new DatasetError(
    `Cannot use data set "${dataset.split}": expected clips that can be read, found none`,
    { hint: bad[0]!.error.message },
  );
}

function badFilesError(bad: readonly BadClip[], isAll: boolean): Error {
  const [{ error }, ...others] = bad as [BadClip, ...BadClip[]];
  const isMissing = bad.every(({ error }) => error instanceof FileError && error.code === "ENOENT");
  const hint = isAll && isMissing
    ? "Say with --audio-dir where the recordings are"
    : `Leave ${others.length > 0 ? "them" : "it"} out with ${SKIP}`;
  if (others.length === 0) return withHint(error, hint);
  const lines = messagesOf(bad).map((line) => `\n  ${line}`).join("");
  const count = isAll ? `all ${bad.length}` : bad.length;
  return new DatasetError(
    `Cannot use ${count} recordings: expected sound that can be read, found${lines}`,
    { file: error.file, hint, cause: error },
  );
}

/** What is wrong, in lines; rows that are broken together have one. */
function messagesOf(bad: readonly BadClip[]): string[] {
  const groups = [...Map.groupBy(bad, ({ error }) => error.message)];
  const lines = groups.slice(0, MAX_NAMED).map(([message, { length }]) =>
    length === 1 ? message : `${message} (${length} recordings)`
  );
  const more = groups.slice(MAX_NAMED).reduce((sum, [, { length }]) => sum + length, 0);
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

function withHint(error: BadClip["error"], hint: string): Error {
  const { message, file } = error;
  if (error instanceof FileError) {
    return new FileError(message, { file: error.file, code: error.code, hint, cause: error });
  }
  return new AudioFormatError(message, { file, hint, cause: error });
}

/** An error of a clip, with the option that leaves such clips out; any other as it is. */
export function withSkipHint(error: unknown): unknown {
  if (!(error instanceof AudioFormatError) || error.hint?.includes(SKIP)) return error;
  const { message, file, hint } = error;
  const skip = `eave bad files out with ${SKIP}`;
  return new AudioFormatError(message, {
    file,
    hint: hint ? `${hint}, or l${skip}` : `L${skip}`,
    cause: error,
  });
}
