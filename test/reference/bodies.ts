/**
 * The plain body of every operation that others do not give, under its name.
 *
 * @module
 */
import type { ComposedName, OperationBody, OperationName } from "../../src/kernels.ts";
import { activation, activationGrad } from "./activation.ts";
import { adafactorStep } from "./adafactor_step.ts";
import { adamwSteps } from "./adamw_steps.ts";
import { add } from "./add.ts";
import { addBias } from "./add_bias.ts";
import { attention, attentionGrad, biasedAttentionGrad } from "./attention.ts";
import { batchNorm, batchNormGrad } from "./batch_norm.ts";
import { columnSum } from "./column_sum.ts";
import { conv1d, conv1dGradInput, conv1dGradWeight } from "./conv1d.ts";
import { crossEntropy, crossEntropyGrad } from "./cross_entropy.ts";
import { depthwise2d, depthwise2dGradInput, depthwise2dGradWeight } from "./depthwise2d.ts";
import { dropout } from "./dropout.ts";
import { elementLoss, elementLossGrad } from "./element_loss.ts";
import { globalNorm } from "./global_norm.ts";
import { glu, gluGrad } from "./glu.ts";
import { groupNorm, groupNormGrad } from "./group_norm.ts";
import { gruGate, gruGateGrad } from "./gru_gate.ts";
import { layerNorm, layerNormGrad } from "./layer_norm.ts";
import { layerSum, layerSumGrad } from "./layer_sum.ts";
import { linear, linearGradInput, linearGradWeight } from "./linear.ts";
import { maskChannels } from "./mask_channels.ts";
import { maskFrames, maskFramesGrad } from "./mask_frames.ts";
import { meanPool, meanPoolGrad } from "./mean_pool.ts";
import type { NdArray } from "./nd_array.ts";
import { padFrames } from "./pad_frames.ts";
import { patches } from "./patches.ts";
import {
  relativeScores,
  relativeScoresGradInput,
  relativeScoresGradPositions,
} from "./relative_scores.ts";
import { rotary } from "./rotary.ts";
import { scale } from "./scale.ts";
import { scaleChannels, scaleChannelsGrad } from "./scale_channels.ts";
import { statisticsPool } from "./statistics_pool.ts";
import { unfold } from "./unfold.ts";
import { updateStatistics } from "./update_statistics.ts";
import { weightNorm, weightNormGrad } from "./weight_norm.ts";

/** The names of the bodies: all operations but those that are composed of others. */
export type BodyName = Exclude<OperationName, ComposedName>;

/** The bodies by the names of their operations. */
export const BODIES: { readonly [Name in BodyName]: OperationBody<Name, NdArray> } = {
  activation,
  activationGrad,
  adafactorStep,
  adamwSteps,
  add,
  addBias,
  attention,
  attentionGrad,
  batchNorm,
  batchNormGrad,
  biasedAttention: attention,
  biasedAttentionGrad,
  columnSum,
  conv1d,
  conv1dGradInput,
  conv1dGradWeight,
  crossEntropy,
  crossEntropyGrad,
  depthwise2d,
  depthwise2dGradInput,
  depthwise2dGradWeight,
  dropout,
  elementLoss,
  elementLossGrad,
  globalNorm,
  glu,
  gluGrad,
  groupNorm,
  groupNormGrad,
  gruGate,
  gruGateGrad,
  layerNorm,
  layerNormGrad,
  layerSum,
  layerSumGrad,
  linear,
  linearGradInput,
  linearGradWeight,
  maskChannels,
  maskFrames,
  maskFramesGrad,
  meanPool,
  meanPoolGrad,
  padFrames,
  patches,
  relativeScores,
  relativeScoresGradInput,
  relativeScoresGradPositions,
  rotary,
  scale,
  scaleChannels,
  scaleChannelsGrad,
  statisticsPool,
  unfold,
  updateStatistics,
  weightNorm,
  weightNormGrad,
};
