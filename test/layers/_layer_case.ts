/**
 * What tests of layers share: the reference device, fresh parameters and plain readings of tensors.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine, type Tensor, tensor } from "@tensorflow/tfjs-core";
import { ParameterReader, type ParameterReaderOptions } from "../../src/layers/parameters.ts";
import { Random } from "../../src/random.ts";
import { useReference } from "../reference/backend.ts";

/** A reader that draws every parameter from a fixed seed. */
export function freshReader(options?: Pick<ParameterReaderOptions, "prepare">): ParameterReader {
  return new ParameterReader({ basePrefix: "base", random: new Random(5), ...options });
}

/** Numbers from N(0, 1), the same in every run. */
export function noiseTensor(shape: number[]): Tensor {
  const random = new Random(11);
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(Float32Array.from({ length: size }, () => random.normal()), shape);
}

/** The values of a tensor, as plain numbers. */
export function numbers(x: Tensor): number[] {
  return Array.from(x.dataSync());
}

/** The first frames of a batch of one clip. */
export function firstFrames(x: Tensor, frames: number): Tensor {
  const size = x.shape[2]!;
  return tensor(numbers(x).slice(0, frames * size), [1, frames, size]);
}

/** Fails unless two tensors agree to 1e-5. */
export function assertClose(found: Tensor, expected: Tensor): void {
  assert.deepEqual(found.shape, expected.shape);
  const wanted = numbers(expected);
  const worst = Math.max(...numbers(found).map((value, i) => Math.abs(value - wanted[i]!)));
  assert.ok(worst <= 1e-5, `off by ${worst}`);
}

/** The sum of all differences between two tensors of one shape. */
export function distance(x: Tensor, y: Tensor): number {
  const other = numbers(y);
  return numbers(x).reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0);
}

/** Registers a test on the reference device that leaves no tensor behind. */
export function layerTest(name: string, body: () => void | Promise<void>): void {
  Deno.test(name, async () => {
    await useReference();
    engine().startScope();
    try {
      await body();
    } finally {
      engine().endScope();
    }
  });
}

/** What a call leaves behind, in tensors; `body` gives those it means to leave. */
export function tensorsLeft(body: () => number): number {
  const before = engine().memory().numTensors;
  const expected = body();
  return engine().memory().numTensors - before - expected;
}
