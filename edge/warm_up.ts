/**
 * The first clips, of silence: so that the first of a client takes no longer than others, and to see what clips take.
 *
 * What computing takes of memory grows with the clip, by what the model's widths are. So the longest clip that is
 * computed whole follows from the memory that there is; longer ones are heard in windows of that length.
 *
 * @module
 */
import { encodeWav } from "../src/audio/encode_wav.ts";
import { takePeakBytes } from "../src/kernels/wasm/peak_memory.ts";
import type { ServedClassifier } from "./mod.ts";

/** What was seen. */
export interface WarmUp {
  /** Seconds that a second of sound takes. */
  pace?: number;
  /** The longest clip that fits into the memory, in seconds. */
  maxSeconds?: number;
}

/** What computing may take. */
export interface ComputingLimits {
  /** Bytes of tensors, the model's weights included. @default any */
  tensorBytes?: number;
  /** The longest clip, whatever the memory. */
  maxSeconds: number;
}

const RATE_HZ = 16_000;
const SHORT_SECONDS = 0.5;
const LONG_SECONDS = 1;
/** Shorter ones would be answered by too little sound, so that memory is exceeded rather. */
const LEAST_SECONDS = 2;

/** Computes short clips, and gives what others will take; nothing where a model takes none so short. */
export async function warmUp(
  classifier: ServedClassifier,
  { tensorBytes, maxSeconds }: ComputingLimits,
): Promise<WarmUp> {
  try {
    const short = await peakOf(classifier, SHORT_SECONDS);
    await classifier(silence(LONG_SECONDS));
    const begun = performance.now();
    const long = await peakOf(classifier, LONG_SECONDS);
    const pace = (performance.now() - begun) / 1_000;
    if (tensorBytes === undefined || short === undefined || long === undefined) {
      return { pace, maxSeconds };
    }
    const secondBytes = Math.max(1, (long - short) / (LONG_SECONDS - SHORT_SECONDS));
    const fitting = Math.floor(LONG_SECONDS + (tensorBytes - long) / secondBytes);
    return { pace, maxSeconds: Math.min(maxSeconds, Math.max(LEAST_SECONDS, fitting)) };
  } catch {
    return { maxSeconds };
  }
}

/** Bytes that were in use while a clip was computed. */
async function peakOf(classifier: ServedClassifier, seconds: number): Promise<number | undefined> {
  takePeakBytes();
  await classifier(silence(seconds));
  return takePeakBytes();
}

function silence(seconds: number): Uint8Array {
  return encodeWav(new Float32Array(seconds * RATE_HZ), RATE_HZ);
}
