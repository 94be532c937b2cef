/**
 * WebGPU for pages, a module of its own: without it a page that computes on WASM carries none of its code.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import { startWebgpu } from "../kernels/webgpu/mod.ts";

/** Starts a device, on which models are then loaded. */
export type StartDevice = () => Promise<void>;

/**
 * Starts WebGPU, as the option `device` of a pipeline.
 *
 * @throws {UnsupportedOpError} where the browser has no adapter.
 *
 * @example
 * ```ts
 * import { pipeline } from "@earshot/earshot/browser";
 * import { webgpu } from "@earshot/earshot/browser/webgpu";
 * import { equal } from "node:assert/strict";
 *
 * const load = () => pipeline("audio-classification", "acme/birds", { device: webgpu });
 * equal(typeof load, "function"); // a page calls it
 * ```
 */
export async function webgpu(): Promise<void> {
  if (await startWebgpu({ software: true })) return;
  throw new UnsupportedOpError("Cannot start WebGPU: expected an adapter, found none", {
    hint: 'Use `device: "wasm"`',
  });
}
