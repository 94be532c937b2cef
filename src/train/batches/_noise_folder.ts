/**
 * A folder of recordings that training clips get their noise from.
 *
 * @module
 */
import { isAudio } from "../../data/folder_layout.ts";
import { firstSamples } from "../../data/first_samples.ts";
import { DatasetError } from "../../errors.ts";
import { listFolder } from "../../files.ts";

/** Samples kept of all recordings together: ten minutes at 16 kHz. */
const MAX_SAMPLES = 16_000 * 600;

/**
 * Loads the recordings of a folder in the order of their names, as many as fit in memory kept for them.
 *
 * @param files those to take, by their paths. @default all that lie in the folder itself
 * @throws {DatasetError} where there is none.
 * @throws {FileError | AudioFormatError} where one cannot be read.
 */
export async function loadNoises(
  directory: string,
  samplingRate: number,
  files?: readonly string[],
): Promise<Float32Array[]> {
  const paths = files ?? await recordingsIn(directory);
  const noises: Float32Array[] = [];
  let left = MAX_SAMPLES;
  for (const path of paths) {
    if (left <= 0) break;
    const samples = await firstSamples(path, { samplingRate, count: left });
    noises.push(samples);
    left -= samples.length;
  }
  if (noises.length > 0) return noises;
  throw new DatasetError(
    `Cannot take noise from "${directory}": expected audio files, found none`,
    { file: directory },
  );
}

async function recordingsIn(directory: string): Promise<string[]> {
  const { files } = await listFolder(directory);
  return files.filter((name) => isAudio(name)).sort().map((name) => `${directory}/${name}`);
}
