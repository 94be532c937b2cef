/**
 * All numbers of a student in training, as they go from worker to worker and into a checkpoint.
 *
 * @module
 */
import type { ParameterSource } from "../../src/layers/parameters.ts";

/** Numbers by name. */
export type StudentState = Map<string, { shape: number[]; values: Float32Array }>;

/** A state as a checkpoint. */
export function stateSource(state: StudentState): ParameterSource {
  return {
    file: "the student",
    names: () => state.keys(),
    shape: (name) => state.get(name)?.shape,
    read: (name) => Promise.resolve(state.get(name)!.values),
  };
}

/** The mean of each number. */
export function meanState(states: readonly StudentState[]): StudentState {
  const mean: StudentState = new Map();
  for (const [name, { shape, values }] of states[0]!) {
    const sum = new Float32Array(values.length);
    for (const state of states) {
      const own = state.get(name)!.values;
      for (let i = 0; i < sum.length; i++) sum[i]! += own[i]! / states.length;
    }
    mean.set(name, { shape, values: sum });
  }
  return mean;
}
