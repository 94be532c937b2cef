/**
 * What a model makes of a clip before its classes: a hidden state, as one vector or as all of its frames.
 *
 * @module
 */
import { type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { meanPool } from "../kernels.ts";
import type { ModelOutput } from "./architecture.ts";
import type { ClipOutputs } from "./inference_model.ts";

/** Which state, and how much of it. */
export interface EmbedOptions {
  /**
   * A hidden state as transformers counts them: 0 is what goes into the first layer, 1 what comes out of it; -1 is the
   * last. @default what the model's own head looks at: the last one, after the norm behind the layers where there is one;
   * of a model for x-vectors, these
   */
  layer?: number;
  /** Its mean over the frames that are no padding, or all of these frames. @default "mean" */
  pooling?: "mean" | "frames";
}

/** A hidden state of one clip, and what the model says of the clip in the same pass. */
export interface Embedding extends ClipOutputs {
  /** Numbers of a vector. */
  size: number;
  /** The vector; or those of all frames, one after the other. */
  values: Float32Array;
  /** The middle of each frame, in seconds; NaN where one stands for the whole clip. Present with all frames. */
  times?: Float64Array;
}

/** A state on the device, and how many of its frames each clip has; the caller disposes it. */
interface ClipStates {
  state: Tensor;
  lengths: number[];
}

/** The state that the options ask for. */
export function chosenState(
  { hiddenStates, lastHiddenState, frameLengths }: ModelOutput,
  layer: number | undefined,
): ClipStates {
  const states = hiddenStates!;
  const state = layer === undefined ? lastHiddenState ?? states.at(-1)! : states.at(layer)!;
  const [clips, frames] = state.shape as [number, number];
  const known = layer === undefined ? frameLengths?.last : frameLengths?.states;
  return { state, lengths: known ?? Array.from({ length: clips }, () => frames) };
}

/** Whether what is asked for is no certain state, so that a head that gives vectors has them to give. */
export function isOfHead({ layer, pooling = "mean" }: EmbedOptions): boolean {
  return layer === undefined && pooling === "mean";
}

/** @throws {RangeError} for a layer that the model has not, or another kind of pooling. */
export function expectEmbedOptions({ layer, pooling }: EmbedOptions, layers: number): void {
  const isState = layer === undefined ||
    Number.isInteger(layer) && layer <= layers && layer >= -layers - 1;
  if (!isState) {
    throw new RangeError(
      `Cannot embed: expected a layer from 0 to ${layers}, or -1 for the last, found ${layer}`,
    );
  }
  if (pooling === undefined || pooling === "mean" || pooling === "frames") return;
  throw new RangeError(`Cannot embed: expected pooling "mean" or "frames", found "${pooling}"`);
}

/** The mean of each clip. **Shape** `state [B, T, D]` -> B of `[D]` */
export async function meanOfFrames({ state, lengths }: ClipStates): Promise<Float32Array[]> {
  const mean = tidy(() => meanPool(state, tensor1d(lengths, "int32"))); // [B, D]
  const values = await mean.data() as Float32Array;
  const size = mean.shape[1]!;
  mean.dispose();
  return lengths.map((_, clip) => values.slice(clip * size, (clip + 1) * size));
}

/** The frames of each clip that are no padding. **Shape** `state [B, T, D]` -> B of `[frames, D]` */
export async function framesOf({ state, lengths }: ClipStates): Promise<Float32Array[]> {
  const values = await state.data() as Float32Array;
  const [, frames, size] = state.shape as [number, number, number];
  return lengths.map((count, clip) => {
    const from = clip * frames * size;
    return values.slice(from, from + count * size);
  });
}
