/**
 * Rotary positions (Su et al. 2021).
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import { expectHeads, expectRank, expectShape } from "./_shapes.ts";
import { gradient, type Operation } from "./operation.ts";
import { run } from "./run.ts";

/** How {@linkcode rotary} divides and turns. */
export interface RotaryAttrs {
  /** Number of heads; must divide D into heads of even size. */
  heads: number;
  /** Whether to turn back. @default false */
  inverse: boolean;
}

/** `x [B, T, D]`, `cos`, `sin [T, D / 2H]` -> `[B, T, D]` */
export const rotaryOperation: Operation<
  { x: Tensor; cos: Tensor; sin: Tensor },
  RotaryAttrs,
  Tensor
> = {
  name: "rotary",
  outputs: ({ x, cos, sin }, { heads }) => {
    expectRank("rotary x", x, 3);
    const [, frames = 0, size = 0] = x;
    expectHeads("rotary", size, heads);
    if (size / heads % 2 !== 0) {
      throw new ShapeError(`Cannot run rotary: expected an even head, found ${size / heads}`);
    }
    expectShape("rotary cos", cos, [frames, size / heads / 2]);
    expectShape("rotary sin", sin, [frames, size / heads / 2]);
    return x;
  },
  gradient: gradient(["cos", "sin"], ({ dy, inputs, attrs: { heads, inverse } }) => ({
    x: () => run(rotaryOperation, { ...inputs, x: dy }, { heads, inverse: !inverse }),
  })),
};

/**
 * Rotary positions: in each head, channels c and c + D / 2H turn together by the angle of their frame and pair.
 *
 * **Shape** `x [B, T, D]`, `cos [T, D / 2H]`, `sin [T, D / 2H]` -> `[B, T, D]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function rotary(
  x: Tensor,
  angles: { cos: Tensor; sin: Tensor },
  options: Partial<RotaryAttrs> & { heads: number },
): Tensor {
  const { heads, inverse = false } = options;
  return run(rotaryOperation, { x, ...angles }, { heads, inverse });
}
