/**
 * The table of all operations: what devices, gradients, the count of operations and the reference are typed by.
 *
 * @module
 */
import { engine } from "@tensorflow/tfjs-core";
import { activationGrad, activationOperation } from "./activation.ts";
import { adafactorStepOperation } from "./adafactor_step.ts";
import { adamwStepsOperation } from "./adamw_steps.ts";
import { addOperation } from "./add.ts";
import { addBiasOperation } from "./add_bias.ts";
import {
  attentionGrad,
  attentionOperation,
  biasedAttention,
  biasedAttentionGrad,
} from "./attention.ts";
import { batchNormGrad, batchNormOperation } from "./batch_norm.ts";
import { columnSum } from "./column_sum.ts";
import { conv1dGradInput, conv1dGradWeight, conv1dOperation } from "./conv1d.ts";
import { crossEntropyGrad, crossEntropyOperation } from "./cross_entropy.ts";
import {
  depthwise2dGradInput,
  depthwise2dGradWeight,
  depthwise2dOperation,
} from "./depthwise2d.ts";
import { dropoutOperation } from "./dropout.ts";
import { elementLossGrad, elementLossOperation } from "./element_loss.ts";
import { globalNormOperation } from "./global_norm.ts";
import { gluGrad, gluOperation } from "./glu.ts";
import { activatedGroupNorm, groupNormGrad, groupNormOperation } from "./group_norm.ts";
import { gruGateGrad, gruGateOperation } from "./gru_gate.ts";
import { activatedLayerNorm, layerNormGrad, layerNormOperation } from "./layer_norm.ts";
import { layerSumGrad, layerSumOperation } from "./layer_sum.ts";
import {
  fusedLinear,
  fusedLinearGrad,
  linearGradInput,
  linearGradParameters,
  linearGradWeight,
  linearOperation,
  linearsGradInput,
  linearsGradParameters,
  linearsOperation,
} from "./linear.ts";
import { maskChannelsOperation } from "./mask_channels.ts";
import { maskFramesGrad, maskFramesOperation } from "./mask_frames.ts";
import { meanPoolGrad, meanPoolOperation } from "./mean_pool.ts";
import type { Operation, With } from "./operation.ts";
import { normedConv1dOperation } from "./normed_conv1d.ts";
import { padFramesOperation } from "./pad_frames.ts";
import { patchesOperation } from "./patches.ts";
import {
  relativeScoresGradInput,
  relativeScoresGradPositions,
  relativeScoresOperation,
} from "./relative_scores.ts";
import { rotaryOperation } from "./rotary.ts";
import { type Kernel, registerKernels } from "./run.ts";
import { scaleOperation } from "./scale.ts";
import { scaleChannelsGrad, scaleChannelsOperation } from "./scale_channels.ts";
import { statisticsPoolOperation } from "./statistics_pool.ts";
import { unfoldOperation } from "./unfold.ts";
import { updateStatisticsOperation } from "./update_statistics.ts";
import { weightNormGrad, weightNormOperation } from "./weight_norm.ts";
import { registerPacking, type WeightPacking } from "./weights.ts";

/** Every operation under its name. */
export const OPERATIONS = {
  activation: activationOperation,
  activationGrad,
  activatedGroupNorm,
  activatedLayerNorm,
  adafactorStep: adafactorStepOperation,
  adamwSteps: adamwStepsOperation,
  add: addOperation,
  addBias: addBiasOperation,
  attention: attentionOperation,
  attentionGrad,
  batchNorm: batchNormOperation,
  batchNormGrad,
  biasedAttention,
  biasedAttentionGrad,
  columnSum,
  conv1d: conv1dOperation,
  conv1dGradInput,
  conv1dGradWeight,
  crossEntropy: crossEntropyOperation,
  crossEntropyGrad,
  depthwise2d: depthwise2dOperation,
  depthwise2dGradInput,
  depthwise2dGradWeight,
  dropout: dropoutOperation,
  elementLoss: elementLossOperation,
  elementLossGrad,
  fusedLinear,
  fusedLinearGrad,
  globalNorm: globalNormOperation,
  glu: gluOperation,
  gluGrad,
  groupNorm: groupNormOperation,
  groupNormGrad,
  gruGate: gruGateOperation,
  gruGateGrad,
  layerNorm: layerNormOperation,
  layerNormGrad,
  layerSum: layerSumOperation,
  layerSumGrad,
  linear: linearOperation,
  linearGradInput,
  linearGradParameters,
  linearGradWeight,
  linears: linearsOperation,
  linearsGradInput,
  linearsGradParameters,
  maskChannels: maskChannelsOperation,
  maskFrames: maskFramesOperation,
  maskFramesGrad,
  meanPool: meanPoolOperation,
  meanPoolGrad,
  normedConv1d: normedConv1dOperation,
  padFrames: padFramesOperation,
  patches: patchesOperation,
  relativeScores: relativeScoresOperation,
  relativeScoresGradInput,
  relativeScoresGradPositions,
  rotary: rotaryOperation,
  scale: scaleOperation,
  scaleChannels: scaleChannelsOperation,
  scaleChannelsGrad,
  statisticsPool: statisticsPoolOperation,
  unfold: unfoldOperation,
  updateStatistics: updateStatisticsOperation,
  weightNorm: weightNormOperation,
  weightNormGrad,
} as const;

type Operations = typeof OPERATIONS;

/** The name of an operation. */
export type OperationName = keyof Operations;

/** Names of operations that a device may lack. */
export type ComposedName = {
  [Name in OperationName]: Operations[Name] extends { composed: unknown } ? Name : never;
}[OperationName];

/** The kernel of one operation. */
export type KernelOf<Name extends OperationName, Backend> = Kernel<Operations[Name], Backend>;

/** What the kernel of an operation reads: the handles of its inputs. */
export type KernelInputs<Name extends OperationName> = Parameters<KernelOf<Name, never>>[0];

/** What the kernel of an operation knows besides its tensors. */
export type KernelAttrs<Name extends OperationName> = Parameters<KernelOf<Name, never>>[1];

/** What the kernel of an operation makes. */
export type KernelOutputs<Name extends OperationName> = ReturnType<KernelOf<Name, never>>;

/** The body of an operation on something of another kind in the place of its tensors. */
export type OperationBody<Name extends OperationName, Kind> = Operations[Name] extends
  Operation<infer Inputs, infer Attrs, infer Outputs>
  ? (inputs: With<Inputs, Kind>, attrs: Attrs) => With<Outputs, Kind>
  : never;

/** The kernels of a device: one for each operation, save those that are composed of others. */
export type Kernels<Backend> =
  & { readonly [Name in Exclude<OperationName, ComposedName>]: KernelOf<Name, Backend> }
  & { readonly [Name in ComposedName]?: KernelOf<Name, Backend> };

/** A device: the name under which TensorFlow.js knows its backend, and what computes on that. */
export interface Device<Backend> {
  readonly backendName: string;
  readonly kernels: Kernels<Backend>;
  /** Absent where weights are read as rows. */
  readonly packing?: WeightPacking<Backend>;
  /**
   * Whether a row of a product, a convolution or a layer norm has the same bits wherever it lies, whatever lies beside
   * it, and however many there are. Absent where that is not so, or not known.
   */
  readonly hasStableRows?: true;
}

const stable = new Set<string>();

/** Makes a device known, so that operations run on it while its backend is in use. */
export function registerDevice<Backend>(device: Device<Backend>): void {
  const { backendName, kernels, packing, hasStableRows } = device;
  registerKernels(backendName, kernels);
  if (packing) registerPacking(backendName, packing);
  if (hasStableRows) stable.add(backendName);
}

/** Whether rows have the same bits wherever they lie, on the device in use; see {@linkcode Device}. */
export function rowsAreStable(): boolean {
  return stable.has(engine().backendName);
}
