/**
 * A number for a set of clips that is another one for other clips, labels or another order.
 *
 * Of each file its size and a few blocks are taken: what replaces a recording differs there, and a folder that was moved
 * or copied does not. Of a recording in a file with others, such as a row of a Parquet file or of an archive, all bytes
 * are, and at the look at its header: to read it again is to unpack what is around it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type AudioClip, type AudioDataset, openClip } from "../../data/audio_dataset.ts";
import { rowDigests } from "../../data/durations.ts";
import { AudioFormatError, FileError } from "../../errors.ts";

const BLOCK_BYTES = 4096;

/** Of a longer file, blocks at so many evenly spaced places. */
const BLOCKS = 4;

const FILES_AT_ONCE = 16;

const UNREADABLE = "unreadable";

/** The fingerprint of a split; files that cannot be read count as such. */
export async function clipFingerprint({ clips, labels }: AudioDataset): Promise<string> {
  const known = clips.some(({ open }) => open) ? await rowDigests(clips) : [];
  const digests = new Array<string>(clips.length);
  let next = 0;
  const work = async () => {
    while (next < clips.length) {
      const at = next++;
      const clip = clips[at]!;
      digests[at] = clip.open ? known[at] ?? UNREADABLE : await digestOf(clip);
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
  const all = createHash("sha256");
  clips.forEach(({ label, targets }, at) => {
    all.update(JSON.stringify([digests[at], targets ?? labels[label] ?? label]));
  });
  return all.digest("hex");
}

async function digestOf(clip: AudioClip): Promise<string> {
  try {
    const source = await openClip(clip);
    try {
      const { sizeBytes } = source;
      const hash = createHash("sha256").update(String(sizeBytes));
      if (sizeBytes <= BLOCKS * BLOCK_BYTES) {
        return hash.update(await source.read(0, sizeBytes)).digest("hex");
      }
      for (let block = 0; block < BLOCKS; block++) {
        const start = Math.floor((sizeBytes - BLOCK_BYTES) * block / (BLOCKS - 1));
        hash.update(await source.read(start, start + BLOCK_BYTES));
      }
      return hash.digest("hex");
    } finally {
      source[Symbol.dispose]();
    }
  } catch (error) {
    if (error instanceof FileError || error instanceof AudioFormatError) return UNREADABLE;
    throw error;
  }
}
