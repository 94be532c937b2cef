/**
 * Every kernel of the contract and its plain body, under the kernel's name.
 *
 * @module
 */
import { GRADIENT_KERNELS } from "../../src/gradients.ts";
import { activation, activationGrad } from "./activation.ts";
import { adamwStep } from "./adamw_step.ts";
import { add } from "./add.ts";
import { addBias } from "./add_bias.ts";
import { attention, attentionGrad } from "./attention.ts";
import { batchNorm, batchNormGrad } from "./batch_norm.ts";
import { columnSum } from "./column_sum.ts";
import { conv1d, conv1dGradInput, conv1dGradWeight } from "./conv1d.ts";
import { crossEntropy, crossEntropyGrad } from "./cross_entropy.ts";
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
import { updateStatistics } from "./update_statistics.ts";
import { weightNorm, weightNormGrad } from "./weight_norm.ts";

/** A body with its own types of inputs and attributes forgotten: the caller knows them. */
export type ReferenceBody = (inputs: unknown, attrs: unknown) => NdArray | NdArray[];

const KERNEL = GRADIENT_KERNELS;

/** The bodies by kernel name. */
export const REFERENCE_KERNELS: Readonly<Record<string, ReferenceBody>> = {
  Add: add,
  EarshotActivation: activation,
  EarshotAddBias: addBias,
  EarshotAdamwStep: adamwStep,
  EarshotAttention: attention,
  EarshotBatchNorm: batchNorm,
  EarshotBiasedAttention: attention,
  EarshotConv1d: conv1d,
  EarshotCrossEntropy: crossEntropy,
  EarshotDropout: dropout,
  EarshotElementLoss: elementLoss,
  EarshotGlobalNorm: globalNorm,
  EarshotGlu: glu,
  EarshotGroupNorm: groupNorm,
  EarshotGruGate: gruGate,
  EarshotLayerNorm: layerNorm,
  EarshotLayerSum: layerSum,
  EarshotLinear: linear,
  EarshotMaskChannels: maskChannels,
  EarshotMaskFrames: maskFrames,
  EarshotMeanPool: meanPool,
  EarshotPadFrames: padFrames,
  EarshotPatches: patches,
  EarshotRelativeScores: relativeScores,
  EarshotRotary: rotary,
  EarshotScale: scale,
  EarshotUpdateStatistics: updateStatistics,
  EarshotWeightNorm: weightNorm,
  [KERNEL.activation]: activationGrad,
  [KERNEL.attention]: attentionGrad,
  [KERNEL.batchNorm]: batchNormGrad,
  [KERNEL.biasedAttention]: attentionGrad,
  [KERNEL.columnSum]: columnSum,
  [KERNEL.conv1dInput]: conv1dGradInput,
  [KERNEL.conv1dWeight]: conv1dGradWeight,
  [KERNEL.crossEntropy]: crossEntropyGrad,
  [KERNEL.elementLoss]: elementLossGrad,
  [KERNEL.glu]: gluGrad,
  [KERNEL.groupNorm]: groupNormGrad,
  [KERNEL.gruGate]: gruGateGrad,
  [KERNEL.layerNorm]: layerNormGrad,
  [KERNEL.layerSum]: layerSumGrad,
  [KERNEL.linearInput]: linearGradInput,
  [KERNEL.linearWeight]: linearGradWeight,
  [KERNEL.maskFrames]: maskFramesGrad,
  [KERNEL.meanPool]: meanPoolGrad,
  [KERNEL.relativeInput]: relativeScoresGradInput,
  [KERNEL.relativePositions]: relativeScoresGradPositions,
  [KERNEL.weightNorm]: weightNormGrad,
} as Record<string, ReferenceBody>;
