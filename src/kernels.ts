/**
 * The contract between layers and devices: every operation that a model is made of.
 *
 * Activations are float32 `[B, T, C]`, channels last; weights keep the shapes that checkpoints store. An
 * operation checks shapes and runs the kernel of its name on the device in use. The operations are in
 * `operations` by kind, the kernels in `kernels/wasm` and `kernels/webgpu`, their gradients in
 * `gradients.ts`, the plain double-precision bodies in `test/reference`. Nothing here knows a model or
 * picks a device.
 *
 * Memory: every function returns new tensors and disposes none of its arguments.
 *
 * Tolerances against the reference, for values around 1: 1e-5 forward, 1e-4 of the largest
 * value of a gradient.
 *
 * @module
 */
export {
  type AffineMap,
  conv1d,
  type Conv1dAttrs,
  type FusedLinearAttrs,
  linear,
  type LinearAttrs,
  type LinearGradAttrs,
  linears,
  patches,
  type PatchesAttrs,
} from "./operations/affine.ts";
export {
  attention,
  type AttentionAttrs,
  gruGate,
  relativeScores,
  type RelativeScoresAttrs,
  rotary,
  type RotaryAttrs,
} from "./operations/attention.ts";
export {
  type Activation,
  activation,
  add,
  addBias,
  dropout,
  type DropoutAttrs,
  glu,
  keepHash,
  layerSum,
  scale,
} from "./operations/elements.ts";
export {
  maskChannels,
  maskFrames,
  meanPool,
  padFrames,
  type PadFramesAttrs,
} from "./operations/frames.ts";
export {
  crossEntropy,
  type CrossEntropyAttrs,
  type ElementLoss,
  elementLoss,
  type ElementLossAttrs,
} from "./operations/losses.ts";
export {
  type ActivatedNormAttrs,
  batchNorm,
  groupNorm,
  layerNorm,
  type NormAttrs,
  type StatisticsAttrs,
  updateStatistics,
  weightNorm,
} from "./operations/norms.ts";
export {
  type AdamwAttrs,
  type AdamwState,
  adamwStep,
  adamwSteps,
  globalNorm,
} from "./operations/optimizer.ts";
export type { WholeClipsDevice } from "./operations/lengths.ts";
export { hasKernel, isRecording, type KernelInputs, run, runAll } from "./operations/run.ts";
export {
  adoptWeight,
  heldWeight,
  isPacked,
  preparedPrecision,
  prepareWeight,
  unprepareWeight,
  type WeightDevice,
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
