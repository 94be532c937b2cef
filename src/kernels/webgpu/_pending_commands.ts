/**
 * What we read and write of the stock WebGPU backend's own state, which its types hide.
 *
 * @module
 */
import { type DataId, version_core } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";

/** What the stock backend keeps of commands that are not yet handed over. */
export interface PendingCommands {
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  /** Tensors whose buffers no one else may have before the commands are handed over. */
  commandQueueOwnedIds: WeakSet<DataId>;
  dispatchCountInPass: number;
}

const FIELDS: Record<keyof PendingCommands, (value: unknown) => boolean> = {
  commandEncoder: (value) => value === null,
  computePassEncoder: (value) => value === null,
  commandQueueOwnedIds: (value) => value instanceof WeakSet,
  dispatchCountInPass: (value) => value === 0,
};

/**
 * A backend that was just made, as what it keeps of commands.
 *
 * @throws {UnsupportedOpError} when this version of TensorFlow.js keeps them elsewhere.
 */
export function pendingCommands(backend: object): PendingCommands {
  if (keepsCommands(backend)) return backend;
  const [moved] = Object.entries(FIELDS).find(([field, fits]) =>
    !fits(Reflect.get(backend, field))
  )!;
  throw new UnsupportedOpError(
    `Cannot use the WebGPU backend of TensorFlow.js ${version_core}: expected its commands in "${moved}", ` +
      `found ${Reflect.get(backend, moved)}`,
  );
}

function keepsCommands(backend: object): backend is PendingCommands {
  return Object.entries(FIELDS).every(([field, fits]) => fits(Reflect.get(backend, field)));
}
