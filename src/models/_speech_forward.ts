/**
 * The forward pass around a transformer that sees speech: convolutions from samples to frames, their projection, the
 * masks of training, and after the transformer the classification head.
 *
 * For architectures that do all of this as Wav2Vec2 does, and differ between the two; one that differs in a step
 * writes its own pass.
 *
 * @module
 */
import { type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import {
  classificationHead,
  type ClassificationHeadConfig,
  type ClassificationHeadParams,
  headStates,
  pooledStates,
} from "../layers/classification_head.ts";
import {
  convFeatureEncoder,
  type ConvFeatureEncoderConfig,
  type ConvFeatureEncoderParams,
  featureFrames,
  ownFrames,
} from "../layers/conv_feature_encoder.ts";
import { featureProjection, type FeatureProjectionParams } from "../layers/feature_projection.ts";
import { clearPadding } from "../layers/padding.ts";
import { specAugment, type SpecAugmentParams } from "../layers/spec_augment.ts";
import type { EncoderStates } from "../layers/transformer_encoder.ts";
import type {
  Architecture,
  Convolutions,
  ForwardOptions,
  HeadOutput,
  ModelOutput,
} from "./architecture.ts";

/** The parameters before and after the transformer. */
export interface SpeechParams {
  config: ConvFeatureEncoderConfig & ClassificationHeadConfig & { feat_proj_dropout: number };
  specAugment: SpecAugmentParams;
  featureEncoder: ConvFeatureEncoderParams;
  featureProjection: FeatureProjectionParams;
  head: ClassificationHeadParams;
}

/** The convolutions of all whose parameters have them in this place. */
export const CONVOLUTIONS: Convolutions<Pick<SpeechParams, "featureEncoder">> = {
  ownFrames: ({ featureEncoder }) => ownFrames(featureEncoder),
  forward: ({ featureEncoder }, samples) => convFeatureEncoder(featureEncoder, samples),
};

/** What a transformer needs besides its parameters and its input. */
export interface EncodeOptions extends Pick<ForwardOptions, "noise" | "wrapLayer"> {
  /** `[B]`, the frames of each clip that are no padding; all of them by default. */
  lengths?: Tensor;
  /** Whether the states before the last are given up where nothing is trained. @default false */
  lastAlone?: boolean;
}

/** A transformer with its positions. **Shape** `frames [B, T, D]` -> L + 1 states `[B, T, D]` */
export type Encode<Params> = (
  params: Params,
  frames: Tensor,
  options: EncodeOptions,
) => EncoderStates;

/** That of the further outputs of a pass which its options ask for. */
export function asked(
  { outputFeatures, outputHiddenStates }: ForwardOptions,
  { features, ...states }: Omit<ModelOutput, keyof HeadOutput>,
): Omit<ModelOutput, keyof HeadOutput> {
  return { ...outputFeatures && { features }, ...outputHiddenStates && states };
}

/** What an architecture gives its head. */
export type StatesOf<Params> = NonNullable<Architecture<unknown, Params>["states"]>;

/** The states of an architecture whose own part is `encode`. **Shape** `inputs [B, S]` -> L + 1 of `[B, T, D]` */
export function speechStates<Params extends SpeechParams>(
  encode: Encode<Params>,
): StatesOf<Params> {
  return (params, { inputs, lengths: samples }, options) => {
    const { config } = params;
    const { noise, wrapLayer, outputHiddenStates } = options;
    const lengths = samples && Array.from(samples, (count) => featureFrames(config, count));
    const valid = lengths && tensor1d(lengths, "int32");
    const convFeatures = convFeatureEncoder(params.featureEncoder, inputs); // [B, T, C]
    const projected = featureProjection(params.featureProjection, convFeatures, {
      dropoutRate: config.feat_proj_dropout,
      noise,
    }); // [B, T, D]
    const augmented = specAugment(params.specAugment, projected, { lengths, noise });
    const frames = clearPadding(augmented, lengths);
    const lastAlone = !config.use_weighted_layer_sum && !outputHiddenStates;
    const encoded = encode(params, frames, { lengths: valid, noise, wrapLayer, lastAlone });
    return { encoded, lengths, convFeatures };
  };
}

/** The forward pass of an architecture whose head classifies clips. **Shape** `inputs [B, S]` -> `logits [B, N]` */
export function clipForward<
  Params extends { config: ClassificationHeadConfig; head: ClassificationHeadParams },
>(statesOf: StatesOf<Params>): Architecture<unknown, Params>["forward"] {
  return (params, inputs, options) =>
    tidy(() => {
      const { encoded, lengths, convFeatures } = statesOf(params, inputs, options);
      const valid = lengths && tensor1d(lengths, "int32");
      const pooled = pooledStates(headStates(encoded, params.config), valid);
      return {
        ...classificationHead(params.head, pooled),
        ...asked(options, {
          ...{ features: pooled, ...convFeatures && { convFeatures } },
          ...{ hiddenStates: encoded.states, lastHiddenState: encoded.last },
          frameLengths: lengths && { states: lengths, last: lengths },
        }),
      };
    });
}

/** Both of an architecture whose own part is `encode`, for those on which transformers has heads of other kinds. */
export function speechPasses<Params extends SpeechParams>(
  encode: Encode<Params>,
): Required<Pick<Architecture<unknown, Params>, "states" | "forward">> {
  const states = speechStates(encode);
  return { states, forward: clipForward(states) };
}

/** The forward pass of an architecture whose own part is `encode`. **Shape** `inputs [B, S]` -> `logits [B, N]` */
export function speechForward<Params extends SpeechParams>(
  encode: Encode<Params>,
): Architecture<unknown, Params>["forward"] {
  return clipForward(speechStates(encode));
}
