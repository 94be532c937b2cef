/**
 * Every kernel of the contract and its plain body, under the kernel's name.
 *
 * @module
 */
import { GRADIENT_KERNELS } from "../../src/gradients.ts";
import { activation, activationGrad } from "./activation.ts";
import { adamwStep } from "./adamw_step.ts";
import { add } from "./add.ts";
import { attention, attentionGrad } from "./attention.ts";
import { columnSum } from "./column_sum.ts";
import { conv1d, conv1dGradInput, conv1dGradWeight } from "./conv1d.ts";
import { crossEntropy, crossEntropyGrad } from "./cross_entropy.ts";
import { dropout } from "./dropout.ts";
import { globalNorm } from "./global_norm.ts";
import { groupNorm, groupNormGrad } from "./group_norm.ts";
import { layerNorm, layerNormGrad } from "./layer_norm.ts";
import { layerSum, layerSumGrad } from "./layer_sum.ts";
import { linear, linearGradInput, linearGradWeight } from "./linear.ts";
import { maskChannels } from "./mask_channels.ts";
import { maskFrames, maskFramesGrad } from "./mask_frames.ts";
import { meanPool, meanPoolGrad } from "./mean_pool.ts";
import type { NdArray } from "./nd_array.ts";
import { weightNorm, weightNormGrad } from "./weight_norm.ts";

/** A body with its own types of inputs and attributes forgotten: the caller knows them. */
export type ReferenceBody = (inputs: unknown, attrs: unknown) => NdArray | NdArray[];

const KERNEL = GRADIENT_KERNELS;

/** The bodies by kernel name. */
export const REFERENCE_KERNELS: Readonly<Record<string, ReferenceBody>> = {
  Add: add,
  EarshotActivation: activation,
  EarshotAdamwStep: adamwStep,
  EarshotAttention: attention,
  EarshotBiasedAttention: attention,
  EarshotConv1d: conv1d,
  EarshotCrossEntropy: crossEntropy,
  EarshotDropout: dropout,
  EarshotGlobalNorm: globalNorm,
  EarshotGroupNorm: groupNorm,
  EarshotLayerNorm: layerNorm,
  EarshotLayerSum: layerSum,
  EarshotLinear: linear,
  EarshotMaskChannels: maskChannels,
  EarshotMaskFrames: maskFrames,
  EarshotMeanPool: meanPool,
  EarshotWeightNorm: weightNorm,
  [KERNEL.activation]: activationGrad,
  [KERNEL.attention]: attentionGrad,
  [KERNEL.biasedAttention]: attentionGrad,
  [KERNEL.columnSum]: columnSum,
  [KERNEL.conv1dInput]: conv1dGradInput,
  [KERNEL.conv1dWeight]: conv1dGradWeight,
  [KERNEL.crossEntropy]: crossEntropyGrad,
  [KERNEL.groupNorm]: groupNormGrad,
  [KERNEL.layerNorm]: layerNormGrad,
  [KERNEL.layerSum]: layerSumGrad,
  [KERNEL.linearInput]: linearGradInput,
  [KERNEL.linearWeight]: linearGradWeight,
  [KERNEL.maskFrames]: maskFramesGrad,
  [KERNEL.meanPool]: meanPoolGrad,
  [KERNEL.weightNorm]: weightNormGrad,
} as Record<string, ReferenceBody>;
