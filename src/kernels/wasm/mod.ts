/**
 * The WASM device: SIMD kernels on all cores or on one, in any engine, from no file and no network.
 *
 * Importing this module registers the kernels; `startWasm` starts the device.
 *
 * @module
 */
import "./standard.ts";
import "./activation.ts";
import "./conv1d.ts";
import "./linear.ts";

export { startWasm, type WasmDevice, type WasmOptions } from "./device.ts";
