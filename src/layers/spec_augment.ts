/**
 * The masks of SpecAugment on encoder frames: spans of time, and spans of channels.
 *
 * The number of spans is `prob * length / span`, rounded up or down at random with the right mean, at least
 * `minSpans`, and never more than fit. A clip shorter than one span is left unmasked, where
 * the reference refuses it.
 *
 * Source: Park et al. 2019; `_compute_mask_indices` of transformers 5.18.
 *
 * @module
 */
import { type Tensor, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { maskChannels, maskFrames } from "../kernels.ts";
import type { Random } from "../random.ts";
import type { Noise } from "./noise.ts";
import { type ParameterReader, uniform } from "./parameters.ts";

/** The fields of `config.json` that say how much is masked. */
export interface SpecAugmentConfig {
  apply_spec_augment: boolean;
  mask_time_prob: number;
  mask_time_length: number;
  mask_time_min_masks: number;
  mask_feature_prob: number;
  mask_feature_length: number;
  mask_feature_min_masks: number;
}

/** `maskedSpecEmbed [D]` stands in place of masked frames; without it nothing is masked. */
export interface SpecAugmentParams {
  config: SpecAugmentConfig;
  maskedSpecEmbed?: Tensor;
}

/** Loads `masked_spec_embed`, which is there where the config masks anything. */
export async function loadSpecAugment(
  reader: ParameterReader,
  config: SpecAugmentConfig & { hidden_size: number },
): Promise<SpecAugmentParams> {
  const masks = config.mask_time_prob > 0 || config.mask_feature_prob > 0;
  if (!masks) return { config };
  return {
    config,
    maskedSpecEmbed: await reader.get("masked_spec_embed", [config.hidden_size], uniform(0, 1)),
  };
}

/**
 * Masks spans of time and of channels in training; the identity in evaluation.
 *
 * **Shape** `x [B, T, D]` -> `[B, T, D]`
 *
 * @param options `lengths`: frames of each clip that may be masked; all of them by default.
 */
export function specAugment(
  { config, maskedSpecEmbed }: SpecAugmentParams,
  x: Tensor,
  { lengths, noise }: { lengths?: readonly number[]; noise?: Noise },
): Tensor {
  if (!noise || !config.apply_spec_augment || !maskedSpecEmbed) return x.clone();
  const [batch, frames, size] = x.shape as [number, number, number];
  return tidy(() => {
    let y = x.clone();
    if (config.mask_time_prob > 0) {
      const mask = spanMask(batch, frames, {
        prob: config.mask_time_prob,
        span: config.mask_time_length,
        minSpans: config.mask_time_min_masks,
        lengths,
        random: noise.random,
      });
      y = maskFrames(y, tensor2d(mask, [batch, frames], "int32"), maskedSpecEmbed);
    }
    if (config.mask_feature_prob > 0) {
      const mask = spanMask(batch, size, {
        prob: config.mask_feature_prob,
        span: config.mask_feature_length,
        minSpans: config.mask_feature_min_masks,
        random: noise.random,
      });
      y = maskChannels(y, tensor2d(mask, [batch, size], "int32"));
    }
    return y;
  });
}

/** How much is masked. */
export interface SpanMaskOptions {
  /** Share of positions masked if no two spans overlapped, 0 to 1. */
  prob: number;
  /** Positions of a span. */
  span: number;
  /** @default 0 */
  minSpans?: number;
  /** Positions of each row that may be masked; the whole row by default. */
  lengths?: ArrayLike<number>;
}

/**
 * Draws a mask of spans for each row.
 *
 * **Shape** -> `[rows, length]`, 1 where masked
 */
export function spanMask(
  rows: number,
  length: number,
  options: SpanMaskOptions & { random: Random },
): Int32Array {
  const { prob, span, minSpans = 0, lengths, random } = options;
  const mask = new Int32Array(rows * length);
  if (span > length) return mask;
  const rounding = random.uniform();
  const spansOf = (valid: number): number => {
    const wanted = Math.max(Math.floor(prob * valid / span + rounding), minSpans);
    const fitting = Math.min(wanted, Math.floor(length / span));
    return Math.max(0, Math.min(fitting, valid - (span - 1)));
  };
  for (let row = 0; row < rows; row++) {
    const valid = lengths?.[row] ?? length;
    const count = spansOf(valid);
    if (count === 0) continue;
    const starts = random.permutation(valid - (span - 1)).subarray(0, count);
    for (const start of starts) {
      const begin = row * length + start;
      mask.fill(1, begin, begin + span);
    }
  }
  return mask;
}
