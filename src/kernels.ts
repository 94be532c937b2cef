/**
 * The contract between layers and devices: every operation that a model is made of.
 *
 * Activations are float32 `[B, T, C]`, channels last; weights keep the shapes that checkpoints store. An operation is
 * one typed object in the table `OPERATIONS` and a function that layers call; a {@linkcode Device} is an object whose
 * kernels the compiler checks against that table. The operations are in `operations`, the kernels in `kernels/wasm`
 * and `kernels/webgpu`, the plain double-precision bodies in `test/reference`, all in files of the same names. Nothing
 * here knows a model or picks a device.
 *
 * Memory: every function returns new tensors and disposes none of its arguments.
 *
 * Tolerances against the reference, for values around 1: 1e-5 forward, 1e-4 of the largest
 * value of a gradient.
 *
 * @module
 */
export {
  type Activation,
  activation,
  type ActivationAttrs,
  ACTIVATIONS,
  type FusedActivation,
} from "./operations/activation.ts";
export {
  type AdafactorAttrs,
  type AdafactorState,
  adafactorStep,
} from "./operations/adafactor_step.ts";
export {
  ADAMW_TENSORS,
  type AdamwAttrs,
  type AdamwState,
  adamwSteps,
} from "./operations/adamw_steps.ts";
export { add } from "./operations/add.ts";
export { addBias } from "./operations/add_bias.ts";
export { attention, type AttentionAttrs } from "./operations/attention.ts";
export { batchNorm } from "./operations/batch_norm.ts";
export { conv1d, type Conv1dAttrs, type Conv1dOptions } from "./operations/conv1d.ts";
export { crossEntropy, type CrossEntropyAttrs } from "./operations/cross_entropy.ts";
export { depthwise2d, type Depthwise2dAttrs } from "./operations/depthwise2d.ts";
export { dropout, type DropoutAttrs, keepHash } from "./operations/dropout.ts";
export { type ElementLoss, elementLoss, type ElementLossAttrs } from "./operations/element_loss.ts";
export { globalNorm } from "./operations/global_norm.ts";
export { glu } from "./operations/glu.ts";
export { groupNorm } from "./operations/group_norm.ts";
export { gruGate } from "./operations/gru_gate.ts";
export { type ActivatedNormAttrs, layerNorm, type NormAttrs } from "./operations/layer_norm.ts";
export { layerSum } from "./operations/layer_sum.ts";
export {
  type AffineMap,
  type DroppedAttrs,
  type FusedLinearAttrs,
  linear,
  type LinearAttrs,
  linears,
} from "./operations/linear.ts";
export { maskChannels } from "./operations/mask_channels.ts";
export { maskFrames } from "./operations/mask_frames.ts";
export { meanPool } from "./operations/mean_pool.ts";
export {
  type ComposedName,
  type Device,
  type KernelAttrs,
  type KernelInputs,
  type KernelOf,
  type KernelOutputs,
  type Kernels,
  type OperationBody,
  type OperationName,
  OPERATIONS,
  registerDevice,
  rowsAreStable,
} from "./operations/mod.ts";
export { isNormedAtOnce, normedConv1d } from "./operations/normed_conv1d.ts";
export { type Operation, type Shape, sizeOf, type With } from "./operations/operation.ts";
export { padFrames, type PadFramesAttrs } from "./operations/pad_frames.ts";
export { patches, type PatchesAttrs } from "./operations/patches.ts";
export { relativeScores, type RelativeScoresAttrs } from "./operations/relative_scores.ts";
export { rotary, type RotaryAttrs } from "./operations/rotary.ts";
export {
  isRecording,
  observeFlops,
  registerGradientOf,
  registerKernels,
  run,
} from "./operations/run.ts";
export { scale } from "./operations/scale.ts";
export { scaleChannels } from "./operations/scale_channels.ts";
export { statisticsPool } from "./operations/statistics_pool.ts";
export { unfold, type UnfoldAttrs } from "./operations/unfold.ts";
export { type StatisticsAttrs, updateStatistics } from "./operations/update_statistics.ts";
export type { Tensor, Variable } from "./operations/tensor.ts";
export { weightNorm } from "./operations/weight_norm.ts";
export {
  adoptWeight,
  disposeWeight,
  heldWeight,
  isPacked,
  type Packed,
  type PackedWeight,
  prepareWeight,
  reshapedWeight,
  type Weight,
  type WeightLayout,
  type WeightPacking,
  weightShape,
  type WeightUse,
} from "./operations/weights.ts";
export {
  formParts,
  heldGroups,
  type HeldPart,
  type HeldWeight,
  packWeight,
  PANEL_COLUMNS,
  QUAD_ROWS,
  unpackWeight,
  WEIGHT_FORMS_VERSION,
  type WeightForm,
  type WeightPrecision,
  weightSizes,
} from "./operations/weight_forms.ts";
