/**
 * Registers every kernel of the contract for the backend "webgpu"; the stock kernels stay beside them.
 *
 * @module
 */
import { registerKernel } from "@tensorflow/tfjs-core";
import { activationKernels } from "./activation.ts";
import { adamwStepKernels } from "./adamw_step.ts";
import { addBiasKernels } from "./add_bias.ts";
import { attentionKernels } from "./attention.ts";
import { batchNormKernels } from "./batch_norm.ts";
import { columnSumKernels } from "./column_sum.ts";
import { conv1dKernels } from "./conv1d.ts";
import { crossEntropyKernels } from "./cross_entropy.ts";
import { dropoutKernels } from "./dropout.ts";
import { elementLossKernels } from "./element_loss.ts";
import { globalNormKernels } from "./global_norm.ts";
import { gluKernels } from "./glu.ts";
import { groupNormKernels } from "./group_norm.ts";
import { gruGateKernels } from "./gru_gate.ts";
import { layerNormKernels } from "./layer_norm.ts";
import { layerSumKernels } from "./layer_sum.ts";
import { linearKernels } from "./linear.ts";
import { maskChannelsKernels } from "./mask_channels.ts";
import { maskFramesKernels } from "./mask_frames.ts";
import { meanPoolKernels } from "./mean_pool.ts";
import { padFramesKernels } from "./pad_frames.ts";
import { patchesKernels } from "./patches.ts";
import { relativeScoresKernels } from "./relative_scores.ts";
import { rotaryKernels } from "./rotary.ts";
import { scaleKernels } from "./scale.ts";
import { updateStatisticsKernels } from "./update_statistics.ts";
import { weightNormKernels } from "./weight_norm.ts";

const KERNELS = [
  activationKernels,
  adamwStepKernels,
  addBiasKernels,
  attentionKernels,
  batchNormKernels,
  columnSumKernels,
  conv1dKernels,
  crossEntropyKernels,
  dropoutKernels,
  elementLossKernels,
  globalNormKernels,
  gluKernels,
  groupNormKernels,
  gruGateKernels,
  layerNormKernels,
  layerSumKernels,
  linearKernels,
  maskChannelsKernels,
  maskFramesKernels,
  meanPoolKernels,
  padFramesKernels,
  patchesKernels,
  relativeScoresKernels,
  rotaryKernels,
  scaleKernels,
  updateStatisticsKernels,
  weightNormKernels,
].flat();

for (const config of KERNELS) registerKernel(config);
