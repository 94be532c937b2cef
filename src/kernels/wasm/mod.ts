/**
 * The WASM device: SIMD kernels on all cores or on one, in any engine, from no file and no network.
 *
 * Importing this module makes the device known; `startWasm` starts it.
 *
 * @module
 */
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import "./_kernels.ts";
import { startWasmWith, type WasmDevice, type WasmOptions } from "./_device.ts";

export { hasRelaxedSimd, hasSimd } from "./_module.ts";
export { BACKEND_NAME } from "./_backend.ts";
export type { WasmDevice, WasmOptions } from "./_device.ts";

/**
 * Starts the WASM device and makes it the one that kernels run on.
 *
 * Asking again for the same gives the same device; asking for another one disposes the first,
 * with its tensors.
 *
 * @throws {RangeError} when `threads` is no whole number from 0 to 48, or above 1 with a `module`.
 * @throws {UnsupportedOpError} when the engine has no SIMD.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { startWasm } from "./mod.ts";
 *
 * const device = await startWasm();
 * assert.match(device.description, /^WASM, 1 thread/);
 * device.dispose();
 * ```
 */
export function startWasm(options: WasmOptions = {}): Promise<WasmDevice> {
  return startWasmWith(BackendWasm, options);
}
