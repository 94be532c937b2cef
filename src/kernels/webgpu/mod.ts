/**
 * The WebGPU device: importing this module makes it known, {@linkcode startWebgpu} puts it to use.
 *
 * @module
 */
import { type Device, registerDevice } from "../../kernels.ts";
import type { DeviceBackend } from "./_backend.ts";
import { BACKEND_NAME } from "./_device.ts";
import { PACKING } from "./_weights.ts";
import { activation, activationGrad, fusedLinearGrad } from "./activation.ts";
import { adafactorStep } from "./adafactor_step.ts";
import { adamwSteps } from "./adamw_steps.ts";
import { add } from "./add.ts";
import { addBias } from "./add_bias.ts";
import { attention, attentionGrad, biasedAttention, biasedAttentionGrad } from "./attention.ts";
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
import {
  fusedLinear,
  linear,
  linearGradInput,
  linearGradParameters,
  linearGradWeight,
  linears,
  linearsGradInput,
  linearsGradParameters,
} from "./linear.ts";
import { maskChannels } from "./mask_channels.ts";
import { maskFrames, maskFramesGrad } from "./mask_frames.ts";
import { meanPool, meanPoolGrad } from "./mean_pool.ts";
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

export {
  type AdapterDescription,
  describeAdapter,
  startWebgpu,
  type WebgpuDevice,
  type WebgpuOptions,
} from "./_device.ts";

/** The kernels of WebGPU, which stand beside the stock ones of its backend. */
export const WEBGPU: Device<DeviceBackend> = {
  backendName: BACKEND_NAME,
  kernels: {
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
    biasedAttention,
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
    fusedLinear,
    fusedLinearGrad,
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
    linearGradParameters,
    linearGradWeight,
    linears,
    linearsGradInput,
    linearsGradParameters,
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
  },
  packing: PACKING,
};

registerDevice(WEBGPU);
