/**
 * What clips will take, planned before the first one, and a first clip for nobody.
 *
 * What computing takes of memory grows with the clip, by what the model's widths are. So the longest clip that is
 * computed whole follows from the memory that there is; longer ones are heard in windows of that length. Nothing is
 * computed for it: a service that starts for a request answers it first.
 *
 * @module
 */
import { encodeWav } from "../src/audio/encode_wav.ts";
import { planMemory } from "../src/kernels/wasm/peak_memory.ts";
import type { ServedClassifier } from "./mod.ts";

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

/** The longest clip that fits into the memory, in seconds; what it may be where a model takes none so short. */
export async function longestClip(
  classifier: ServedClassifier,
  { tensorBytes, maxSeconds }: ComputingLimits,
): Promise<number> {
  if (tensorBytes === undefined) return maxSeconds;
  try {
    const short = await planMemory(() => classifier(silence(SHORT_SECONDS)));
    const long = await planMemory(() => classifier(silence(LONG_SECONDS)));
    if (!short || !long) return maxSeconds;
    const grownBytes = long.peakBytes - short.peakBytes;
    const secondBytes = Math.max(1, grownBytes / (LONG_SECONDS - SHORT_SECONDS));
    const fitting = Math.floor(LONG_SECONDS + (tensorBytes - long.peakBytes) / secondBytes);
    return Math.min(maxSeconds, Math.max(LEAST_SECONDS, fitting));
  } catch {
    return maxSeconds;
  }
}

/** Computes a clip of silence, so that the first of a client takes no longer than others. */
export async function warmUp(classifier: ServedClassifier): Promise<void> {
  await classifier(silence(LONG_SECONDS)).catch(() => {});
}

function silence(seconds: number): Uint8Array {
  return encodeWav(new Float32Array(seconds * RATE_HZ), RATE_HZ);
}
