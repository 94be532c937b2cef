/**
 * From encoder states to class scores: the mean over time, an optional weighted sum of all layers, a projection
 * and a linear classifier. No activation and no dropout between them.
 *
 * The reference sums, projects each frame and takes the mean then. The mean of an affine map is the map of the mean,
 * so here the mean comes first: one vector a clip is summed and projected instead of one a frame, and all that a
 * base model has to say about a clip is a vector for each state, its features.
 *
 * Source: Yang et al. 2021 (SUPERB); names as in transformers 5.18 `Wav2Vec2ForSequenceClassification`.
 *
 * @module
 */
import { type Tensor, tidy } from "@tensorflow/tfjs-core";
import { layerSum, meanPool } from "../kernels.ts";
import { linear, type LinearParams, loadLinear } from "./linear.ts";
import { constant, normal, type ParameterReader } from "./parameters.ts";
import type { EncoderStates } from "./transformer_encoder.ts";

/** `layerWeights [L + 1]`, `projector [P, D]`, `classifier [N, P]` */
export interface ClassificationHeadParams {
  layerWeights?: Tensor;
  projector: LinearParams;
  classifier: LinearParams;
}

/** The fields of `config.json` that describe the head, and the number of classes. */
export interface ClassificationHeadConfig {
  use_weighted_layer_sum: boolean;
  /** Whether the weighted sum sees the last state after the final norm, as before transformers 5. */
  weightedSumAfterNorm: boolean;
  classifier_proj_size: number;
  classes: number;
}

/** The fields that shapes and first weights of the head follow from, those of the encoder among them. */
export interface ClassificationHeadSizes
  extends Omit<ClassificationHeadConfig, "weightedSumAfterNorm"> {
  hidden_size: number;
  num_hidden_layers: number;
  /** Standard deviation of the first weights. */
  initializer_range: number;
}

/** Loads `layer_weights`, `projector` and `classifier`. */
export async function loadClassificationHead(
  reader: ParameterReader,
  config: ClassificationHeadSizes,
): Promise<ClassificationHeadParams> {
  const { hidden_size: size, classifier_proj_size: projection, classes } = config;
  const init = { weight: normal(config.initializer_range) };
  return {
    layerWeights: await loadLayerWeights(reader, config),
    projector: await loadLinear(
      reader.at("projector"),
      { inputs: size, outputs: projection },
      init,
    ),
    classifier: await loadLinear(
      reader.at("classifier"),
      { inputs: projection, outputs: classes },
      init,
    ),
  };
}

/** Loads the weights of the sum over layers, where there is one. */
export async function loadLayerWeights(
  reader: ParameterReader,
  config: Pick<ClassificationHeadSizes, "use_weighted_layer_sum" | "num_hidden_layers">,
): Promise<Tensor | undefined> {
  if (!config.use_weighted_layer_sum) return undefined;
  const states = config.num_hidden_layers + 1;
  return await reader.get("layer_weights", [states], constant(1 / states));
}

/** The states that the head looks at: all of them where they are weighed, else the last. */
export function headStates(
  { states, last }: EncoderStates,
  config: Pick<ClassificationHeadConfig, "use_weighted_layer_sum" | "weightedSumAfterNorm">,
): Tensor[] {
  if (!config.use_weighted_layer_sum) return [last];
  return config.weightedSumAfterNorm ? [...states.slice(0, -1), last] : states;
}

/** The mean of each state over time. **Shape** states of `[B, T, D]`; `lengths [B]` -> as many of `[B, D]` */
export function pooledStates(states: Tensor[], lengths?: Tensor): Tensor[] {
  return states.map((state) => meanPool(state, lengths));
}

/** The one vector of a clip. **Shape** `features`: L + 1 of `[B, D]` with layer weights, else one -> `[B, D]` */
export function joinedFeatures(
  { layerWeights }: Pick<ClassificationHeadParams, "layerWeights">,
  features: Tensor[],
): Tensor {
  return layerWeights ? layerSum(features, layerWeights) : features[0]!.clone();
}

/**
 * Class scores, with the vector that the classifier saw.
 *
 * **Shape** `features`: L + 1 of `[B, D]` with layer weights, else one -> `logits [B, N]`, `pooled [B, P]`
 */
export function classificationHead(
  params: ClassificationHeadParams,
  features: Tensor[],
): { logits: Tensor; pooled: Tensor } {
  return tidy(() => {
    const pooled = linear(params.projector, joinedFeatures(params, features)); // [B, P]
    return { logits: linear(params.classifier, pooled), pooled };
  });
}
