/**
 * How long the clips of a batch become, by the rules of Hugging Face's sequence extractors.
 *
 * @module
 */

import type { ExtractOptions, Padding } from "./feature_extractor.ts";

/** The lengths of a batch. */
export interface BatchLengths {
  /** Real samples of each clip, after truncation. */
  lengths: Int32Array;
  /** Samples of every row, padding included. */
  width: number;
}

type Strategy = "longest" | "max_length" | "do_not_pad";

/** Settles the length of every clip and of the batch, in `unit`; throws where they cannot be one batch. */
export function batchLengths(
  clips: readonly { length: number }[],
  options: ExtractOptions,
  unit = "samples",
): BatchLengths {
  const { padding = false, truncation = false } = options;
  const strategy = strategyOf(padding);
  const roundUp = rounding(options.padToMultipleOf);
  const limit = roundUp(maxLengthOf(options, strategy));
  requireClips(clips);
  const lengths = Int32Array.from(
    clips,
    (clip) => truncation ? Math.min(clip.length, limit) : clip.length,
  );
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if (strategy === "longest") return { lengths, width: roundUp(longest) };
  if (strategy === "max_length" && longest <= limit) return { lengths, width: limit };
  requireOneLength({ lengths, width: longest }, strategy, unit);
  return { lengths, width: longest };
}

function strategyOf(padding: Padding): Strategy {
  if (padding === true) return "longest";
  if (padding === false) return "do_not_pad";
  if (padding === "longest" || padding === "max_length" || padding === "do_not_pad") return padding;
  const expected = `a boolean, "longest", "max_length" or "do_not_pad"`;
  throw new RangeError(`Cannot pad clips: expected padding ${expected}, found "${padding}"`);
}

/** Infinite where no limit is given and none is needed. */
function maxLengthOf({ maxLength, truncation }: ExtractOptions, strategy: Strategy): number {
  if (maxLength !== undefined) return requirePositive("maxLength", maxLength);
  const asker = strategy === "max_length" ? `padding "max_length"` : truncation && "truncation";
  if (!asker) return Infinity;
  throw new RangeError(`Cannot pad clips: expected maxLength with ${asker}, found none`);
}

function rounding(multiple?: number): (length: number) => number {
  if (multiple === undefined) return (length) => length;
  requirePositive("padToMultipleOf", multiple);
  return (length) => Math.ceil(length / multiple) * multiple;
}

function requirePositive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot pad clips: expected a whole ${name} above 0, found ${value}`);
}

function requireClips(clips: readonly { length: number }[]): void {
  if (clips.length === 0) {
    throw new RangeError("Cannot extract features: expected at least one clip, found none");
  }
  const empty = clips.findIndex((clip) => clip.length === 0);
  if (empty === -1) return;
  throw new RangeError(`Cannot extract features of clip ${empty}: expected samples, found none`);
}

function requireOneLength(
  { lengths, width }: BatchLengths,
  strategy: Strategy,
  unit: string,
): void {
  const other = lengths.find((length) => length !== width);
  if (other === undefined) return;
  const without = strategy === "max_length" ? "without truncation" : "without padding";
  throw new RangeError(
    `Cannot batch clips: expected one length ${without}, found ${other} and ${width} ${unit}`,
  );
}
