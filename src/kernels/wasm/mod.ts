/**
 * The WASM device: SIMD kernels on all cores or on one, in any engine, from no file and no network.
 *
 * Importing this module registers the kernels; `startWasm` starts the device.
 *
 * @module
 */
import "./activation.ts";
import "./adamw_step.ts";
import "./add_bias.ts";
import "./batch_norm.ts";
import "./column_sum.ts";
import "./attention.ts";
import "./conv1d.ts";
import "./cross_entropy.ts";
import "./dropout.ts";
import "./element_loss.ts";
import "./global_norm.ts";
import "./glu.ts";
import "./group_norm.ts";
import "./gru_gate.ts";
import "./layer_norm.ts";
import "./layer_sum.ts";
import "./linear.ts";
import "./mask_channels.ts";
import "./mask_frames.ts";
import "./mean_pool.ts";
import "./pad_frames.ts";
import "./patches.ts";
import "./relative_scores.ts";
import "./rotary.ts";
import "./scale.ts";
import "./standard.ts";
import "./update_statistics.ts";
import "./weight_norm.ts";

export { startWasm, type WasmDevice, type WasmOptions } from "./device.ts";
