/**
 * The WASM device for bundles that no plugin trims: the same, with a store of tensors of our own.
 *
 * @module
 */
import "./_kernels.ts";
import { startWasmWith, type WasmDevice, type WasmOptions } from "./_device.ts";
import { TensorStore } from "./_tensor_store.ts";

/** Starts the device as `startWasm` of `mod.ts` does. */
export function startWasm(options: WasmOptions = {}): Promise<WasmDevice> {
  return startWasmWith(TensorStore, options);
}
