/**
 * Mixup: clips of a batch are mixed in pairs, and so are their labels.
 *
 * One share is drawn for a whole batch, so that its loss is that of the clips' own labels and that of the others',
 * each times its share. A clip that is mixed with a longer one gets that one's length.
 *
 * Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
 *
 * @module
 */
import type { Random } from "../../random.ts";
import type { Batch } from "./batches.ts";

/** Clips of a batch before they become a model's input. */
export interface PickedClips extends Pick<Batch, "labels" | "mixed"> {
  clips: Float32Array[];
  indices: number[];
}

/**
 * Mixes each clip with another one of the same batch, or with itself where chance wills it.
 *
 * @param concentration both parameters of the beta distribution that the share is drawn from, above 0.
 */
export function mixPairs(
  { clips, labels, indices }: PickedClips,
  concentration: number,
  random: Random,
): PickedClips {
  const share = betaShare(concentration, random);
  const partners = [...random.permutation(clips.length)];
  const mixed = { share, indices: partners.map((place) => indices[place]!) };
  const pairs = clips.map((clip, i) => mixture(clip, clips[partners[i]!]!, share));
  if (labels instanceof Int32Array) {
    const others = Int32Array.from(partners, (place) => labels[place]!);
    return { clips: pairs, labels, indices, mixed: { ...mixed, labels: others } };
  }
  const width = labels.length / clips.length;
  const both = labels.map((own, i) => {
    const other = labels[partners[Math.floor(i / width)]! * width + i % width]!;
    return share * own + (1 - share) * other;
  });
  return { clips: pairs, labels: both, indices, mixed };
}

function mixture(clip: Float32Array, other: Float32Array, share: number): Float32Array {
  const sum = new Float32Array(Math.max(clip.length, other.length));
  clip.forEach((sample, i) => sum[i] = share * sample);
  other.forEach((sample, i) => sum[i]! += (1 - share) * sample);
  return sum;
}

/** A draw from Beta(c, c): of two draws from Gamma(c, 1) the first one's share. */
export function betaShare(concentration: number, random: Random): number {
  const first = gammaDraw(concentration, random);
  const second = gammaDraw(concentration, random);
  // Of a very small concentration both may be 0; such a distribution has its weight on 0 and 1.
  return first + second > 0 ? first / (first + second) : Math.round(random.uniform());
}

/** Marsaglia and Tsang 2000; a shape below 1 by way of the next larger one. */
function gammaDraw(shape: number, random: Random): number {
  if (shape < 1) {
    return gammaDraw(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  }
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
