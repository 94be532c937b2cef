/**
 * The sound of clips inside the page: 16-bit WAV files as data URLs, cut so that the page stays small.
 *
 * @module
 */
import { encodeWav, resample } from "../audio/mod.ts";
import type { ClipAudio, ReportOptions } from "./report_data.ts";

/** Speech is clear at this rate, and higher ones are brought down to it. */
const MAX_RATE_HZ = 16_000;

const SAMPLE_BYTES = 2;

/** A multiple of three, so that base64 of the parts is base64 of the whole. */
const CHUNK_BYTES = 0x6000;

/** A clip as it is embedded, or why it is not. */
export interface EmbeddedClip {
  readonly audio?: ClipAudio;
  /** Length before it was cut. */
  readonly wholeSec?: number;
  readonly problem?: string;
}

/** Reads the clips one after the other, and shares the bytes fairly: what short ones leave, long ones get. */
export async function embedClips<Clip>(
  clips: readonly Clip[],
  options: Required<Pick<ReportOptions, "maxClipSec" | "maxAudioBytes">> & {
    readClip?: ReadClip<Clip>;
  },
): Promise<EmbeddedClip[]> {
  const { readClip, maxClipSec, maxAudioBytes } = options;
  if (!readClip) return clips.map(() => ({}));
  const read: EmbeddedClip[] = [];
  for (const clip of clips) {
    read.push(
      await readStart(clip, readClip, maxClipSec).catch((error: unknown) => ({
        problem: error instanceof Error ? error.message : String(error),
      })),
    );
  }
  const most = fairShare(
    read.map(({ audio }) => audio?.samples.length ?? 0),
    maxAudioBytes / SAMPLE_BYTES,
  );
  return read.map(({ audio, ...rest }) => ({
    ...rest,
    audio: audio && { ...audio, samples: audio.samples.subarray(0, most) },
  }));
}

type ReadClip<Clip> = (clip: Clip) => Promise<ClipAudio> | ClipAudio;

async function readStart<Clip>(
  clip: Clip,
  readClip: ReadClip<Clip>,
  maxSec: number,
): Promise<EmbeddedClip> {
  const { samples, sampleRateHz } = await readClip(clip);
  const start = samples.slice(0, Math.ceil(maxSec * sampleRateHz));
  const wholeSec = samples.length / sampleRateHz;
  if (sampleRateHz <= MAX_RATE_HZ) return { audio: { samples: start, sampleRateHz }, wholeSec };
  const lower = resample(start, sampleRateHz, MAX_RATE_HZ);
  return { audio: { samples: lower, sampleRateHz: MAX_RATE_HZ }, wholeSec };
}

/** The most that each may have so that all of them together have no more than `total`. */
export function fairShare(wanted: readonly number[], total: number): number {
  let left = total;
  const ascending = [...wanted].sort((a, b) => a - b);
  for (const [i, one] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i));
    if (one > share) return share;
    left -= one;
  }
  return Infinity;
}

/** The audio as a link that holds the whole file. */
export function dataUrl({ samples, sampleRateHz }: ClipAudio): string {
  const bytes = encodeWav(samples, sampleRateHz);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES))));
  }
  return `data:audio/wav;base64,${parts.join("")}`;
}
