/**
 * From encoder states to class scores: an optional weighted sum of all layers, a projection, the mean
 * over time and a linear classifier. No activation and no dropout between them.
 *
 * The reference projects each frame and takes the mean then. The mean of an affine map is the map of the mean,
 * so here the mean comes first, which projects one vector a clip instead of one a frame.
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
  const states = config.num_hidden_layers + 1;
  const init = { weight: normal(config.initializer_range) };
  return {
    layerWeights: config.use_weighted_layer_sum
      ? await reader.get("layer_weights", [states], constant(1 / states))
      : undefined,
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

/** The states that the head looks at: all of them where they are weighed, else the last. */
export function headStates(
  { states, last }: EncoderStates,
  config: Pick<ClassificationHeadConfig, "use_weighted_layer_sum" | "weightedSumAfterNorm">,
): Tensor[] {
  if (!config.use_weighted_layer_sum) return [last];
  return config.weightedSumAfterNorm ? [...states.slice(0, -1), last] : states;
}

/**
 * Class scores, with the vector that the classifier saw.
 *
 * **Shape** `states`: L + 1 of `[B, T, D]` with layer weights, else one; `lengths [B]` -> `logits [B, N]`, `pooled [B, P]`
 */
export function classificationHead(
  params: ClassificationHeadParams,
  states: Tensor[],
  lengths?: Tensor,
): { logits: Tensor; pooled: Tensor } {
  return tidy(() => {
    const { layerWeights, projector, classifier } = params;
    const hidden = layerWeights ? layerSum(states, layerWeights) : states[0]!;
    const pooled = linear(projector, meanPool(hidden, lengths)); // [B, P]
    return { logits: linear(classifier, pooled), pooled };
  });
}
