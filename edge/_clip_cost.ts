/**
 * What a clip will cost, known before any of it is decoded: a file of few bytes may unfold to gigabytes.
 *
 * Headers are believed here, to refuse at once; what they do not say, or say wrongly, stops at the same limit while it
 * is decoded.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { audioFacts } from "../src/audio/duration.ts";

/** What a clip whose headers do not say it is taken for, in seconds. */
const UNKNOWN_SECONDS = 10;
const BYTES_PER_SAMPLE = 4;
const MB = 2 ** 20;

/** What is known of a clip. */
export interface ClipCost {
  /** Seconds of sound, about. */
  seconds: number;
  /** Seconds by its headers, where these say so. */
  clipSeconds?: number;
}

/**
 * The seconds of a clip.
 *
 * @throws {HTTPException} 413 where decoding it would take more than may be: seconds x rate x channels x 4 bytes.
 */
export async function clipCost(bytes: Uint8Array, maxDecodedBytes: number): Promise<ClipCost> {
  const read = (start: number, end: number) => bytes.subarray(start, end);
  const facts = await audioFacts({ sizeBytes: bytes.length, read });
  const { durationSec, sampleRateHz = 0, channels = 0 } = facts ?? {};
  if (durationSec === undefined) return { seconds: UNKNOWN_SECONDS };
  const decodedBytes = durationSec * sampleRateHz * channels * BYTES_PER_SAMPLE;
  if (decodedBytes <= maxDecodedBytes) return { seconds: durationSec, clipSeconds: durationSec };
  const expected = `at most ${shown(maxDecodedBytes)} decoded (seconds x rate x channels x 4)`;
  const found = `${shown(decodedBytes)}: ${durationSec.toFixed(1)} s at ${sampleRateHz} Hz ` +
    `with ${channels} ${channels === 1 ? "channel" : "channels"}`;
  const message = `Cannot classify the clip: expected ${expected}, found ${found}; ` +
    "/detect takes recordings of any length";
  throw new HTTPException(413, { message });
}

function shown(bytes: number): string {
  return `${Number((bytes / MB).toFixed(1))} MiB`;
}
