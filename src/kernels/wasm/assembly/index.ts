// Entry of the kernels: every export is a kernel, called as `kernel(thread, begin, end, ...args)`
// to compute units begin to end of its work, or a constant: two that the loader reads, and the numbers of the activations.
//
// The conventions that hold for all of them:
// - Addresses are `usize`; a tensor is float32 unless its file says otherwise.
// - A unit gives the same bits whoever computes it and however the units are split.
// - Behind the last element of a tensor lie 16 spare bytes: they may be read, and the
//   owner of an output may write them, so element-wise kernels know no remainder.
// - Scratch comes from the caller; scratch per thread starts at `scratch + thread * scratchBytes`.
// - Nothing is allocated here and nothing is kept between calls.
export const RELAXED_SIMD: i32 = ASC_FEATURE_RELAXED_SIMD ? 1 : 0;
export const STATIC_END: usize = __heap_base;

export {
  NONE as ACTIVATION_NONE,
  GELU as ACTIVATION_GELU,
  RELU as ACTIVATION_RELU,
  SILU as ACTIVATION_SILU,
  GELU_10 as ACTIVATION_GELU_10,
  GELU_NEW as ACTIVATION_GELU_NEW,
  HARDSWISH as ACTIVATION_HARDSWISH,
  LAPLACE as ACTIVATION_LAPLACE,
  LEAKY_RELU as ACTIVATION_LEAKY_RELU,
  MISH as ACTIVATION_MISH,
  QUICK_GELU as ACTIVATION_QUICK_GELU,
  RELU2 as ACTIVATION_RELU2,
  RELU6 as ACTIVATION_RELU6,
  SIGMOID as ACTIVATION_SIGMOID,
  SQRTSOFTPLUS as ACTIVATION_SQRTSOFTPLUS,
  TANH as ACTIVATION_TANH,
} from "./activation";

export { activation, activationGrad } from "./activation";
export { adamwStep } from "./adamw_step";
export { add } from "./add";
export { addBias } from "./add_bias";
export { batchNorm, centredDot } from "./batch_norm";
export { columnDot, columnSum, maskedColumnSum } from "./column_sum";
export { groupFrames, swapTaps } from "./conv1d";
export { convInt8, quantizeFrames } from "./conv1d_int8";
export { crossEntropy, crossEntropyGrad } from "./cross_entropy";
export { depthwise, depthwiseGradWeight } from "./depthwise";
export { dropout } from "./dropout";
export { elementLoss, elementLossGrad } from "./element_loss";
export { gemm } from "./gemm";
export { gemmInt8 } from "./gemm_int8";
export { gemmOuter } from "./gemm_outer";
export { sumSquares } from "./global_norm";
export { glu, gluGrad } from "./glu";
export { groupNorm, groupNormGrad } from "./group_norm";
export { gruGate, gruGateGrad } from "./gru_gate";
export { layerNorm, layerNormGrad } from "./layer_norm";
export { layerSum, layerSumGrad } from "./layer_sum";
export { maskChannels } from "./mask_channels";
export { maskFrames, maskFramesGrad } from "./mask_frames";
export { meanPool, meanPoolGrad } from "./mean_pool";
export { foldNorm, sumProducts } from "./normed_conv1d";
export { packPanels } from "./pack";
export { padFrames } from "./pad_frames";
export { patches } from "./patches";
export { packInt8, quantizeRows } from "./quantize";
export {
  packDistanceColumns,
  packDistanceRows,
  relativeScores,
  relativeScoresGradInput,
  relativeScoresGradPositions,
} from "./relative_scores";
export { rotary } from "./rotary";
export { scale } from "./scale";
export { columnSpread } from "./update_statistics";
export { mixColumns, scaleColumns } from "./weight_norm";
export { attention } from "./attention";
export { attentionGrad } from "./attention_grad";
