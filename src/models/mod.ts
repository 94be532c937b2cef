/**
 * The models: architectures, configs and parameters.
 *
 * @module
 */
import "../older_engines.ts";
export type { FrameLayout } from "../layers/conv_feature_encoder.ts";
export { Noise } from "../layers/noise.ts";
export type {
  GainAndDirection,
  Initializer,
  LoadReport,
  ParameterKind,
  ParameterReader,
  ParameterReaderOptions,
  ParameterRequest,
  ParameterSource,
  SavedDtype,
  StoredTensor,
  WeightOptions,
} from "../layers/parameters.ts";
export { Random, type RandomState } from "../random.ts";
export type { ConfigReader, JsonObject } from "./_config_reader.ts";
export type { EncoderStates } from "../layers/transformer_encoder.ts";
export type {
  Architecture,
  Convolutions,
  ForwardOptions,
  HeadInput,
  HeadKind,
  HeadOf,
  HeadOutput,
  ModelInputs,
  ModelOutput,
} from "./architecture.ts";
export {
  AudioClassificationModel,
  buildInferenceModel,
  buildModel,
  type BuildModelOptions,
  type ChosenPrecision,
  type ModelParts,
} from "./model.ts";
export type { Embedding, EmbedOptions } from "./embedding.ts";
export {
  type ClipOutputs,
  type HeadPlan,
  InferenceModel,
  type InferenceParts,
  type ModelBatch,
  type ModelOrigin,
} from "./inference_model.ts";
export type { HeadValues, JoinedHeads } from "./_joined_heads.ts";
export type { StoredHead } from "./_headed.ts";
export type { HeadTensor, LinearLayer } from "./_linear_head.ts";
export type { GivenLabels } from "./given_labels.ts";
export type {
  HeldPart,
  HeldWeight,
  Packed,
  PackedWeight,
  Weight,
  WeightForm,
  WeightLayout,
  WeightPrecision,
} from "../kernels.ts";
export type { ProblemType } from "./problem_type.ts";
export type { LayerWrapper, Tensor, Variable } from "../layers/tensor.ts";
export type { AttentionProjection, Lora, LoraOptions } from "./lora.ts";
export type { Examples, Neighbours } from "./neighbours.ts";
