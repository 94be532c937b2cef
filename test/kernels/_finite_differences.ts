/**
 * Gradients from the reference's tape against central finite differences, all in double precision.
 *
 * @module
 */
import { assertAllClose } from "../compare.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { evaluate, normal, type OpCase } from "./_op_case.ts";

/** Above this many input numbers a case is left to the comparison of devices. */
export const MAX_DIFFERENCES = 600;

const STEP = 1e-5;

/** Fails where the tape and the finite differences disagree; the reference in double precision is in use. */
export async function assertFiniteDifferences(opCase: OpCase): Promise<void> {
  const { gradients } = await evaluate(opCase);
  for (const [name, gradient] of Object.entries(gradients)) {
    const expected = await differencesOf(opCase, name);
    const largest = expected.values.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
    assertAllClose(gradient, expected, { atol: 1e-6 * largest, label: `gradient of ${name}` });
  }
}

/** How many numbers the inputs of a case hold together. */
export function inputSize(opCase: OpCase): number {
  return Object.values(opCase.inputs).reduce((size, input) => size + input.values.length, 0);
}

async function differencesOf(opCase: OpCase, name: string): Promise<NdArray> {
  const input = opCase.inputs[name]!;
  const slopes = new Float64Array(input.values.length);
  for (let i = 0; i < slopes.length; i++) {
    const step = STEP * Math.max(1, Math.abs(input.values[i]!));
    const above = await objective(opCase, name, i, step);
    const below = await objective(opCase, name, i, -step);
    slopes[i] = (above - below) / (2 * step);
  }
  return { shape: input.shape, values: slopes };
}

/** The sum of outputs times the slopes that {@linkcode evaluate} uses, with one input number moved. */
async function objective(opCase: OpCase, name: string, at: number, step: number): Promise<number> {
  const input = opCase.inputs[name]!;
  const moved = { shape: input.shape, values: input.values.slice() };
  moved.values[at]! += step;
  const { outputs } = await evaluate({
    ...opCase,
    inputs: { ...opCase.inputs, [name]: moved },
    hasGradient: false,
  });
  const slopes = normal(outputs[0]!.shape, { seed: 99 }).values;
  return outputs[0]!.values.reduce((sum, value, i) => sum + value * slopes[i]!, 0);
}
