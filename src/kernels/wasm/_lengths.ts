/**
 * The check of clip lengths before a kernel takes them for addresses.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmBackend } from "./_backend.ts";

/**
 * Address of `lengths [B]` int32, 0 for clips that are whole.
 *
 * @throws {RangeError} when one of them is not from 1 to `frames`.
 */
export function lengthsAddress(
  backend: WasmBackend,
  lengths: TensorInfo | undefined,
  frames: number,
): number {
  if (!lengths) return 0;
  const address = backend.address(lengths, "int32");
  const wrong = backend.ints(address, lengths.shape[0]!).find((n) => n < 1 || n > frames);
  if (wrong === undefined) return address;
  throw new RangeError(`Cannot use lengths: expected 1 to ${frames} frames, found ${wrong}`);
}
