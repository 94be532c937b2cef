/**
 * What every operation of the contract must pass, given its cases: its reference agrees with finite
 * differences, each device agrees with the reference and gives the shapes of the operation's rule, and the number of
 * threads changes no bit.
 *
 * @module
 */
import { deepEqual, ok } from "node:assert/strict";
import { getBackend, setBackend } from "@tensorflow/tfjs-core";
import { assertAllClose } from "../compare.ts";
import { deviceTest, startTestWasm } from "../devices.ts";
import type { NdArray } from "../reference/nd_array.ts";
import { useReference } from "../reference/backend.ts";
import { assertFiniteDifferences, inputSize, MAX_DIFFERENCES } from "./_finite_differences.ts";
import { evaluate, type Evaluation, type OpCase } from "./_op_case.ts";
import { withShapeRules } from "./_shape_rules.ts";

/** Registers the tests of one operation. */
export function kernelSuite(op: string, cases: readonly OpCase[]): void {
  if (cases.some(({ hasGradient }) => hasGradient ?? true)) registerDifferences(op, cases);
  deviceTest(`${op}() agrees with the reference`, async (_device, t) => {
    for (const opCase of cases) await t.step(opCase.name, () => assertAgreement(opCase));
  });
  Deno.test(`${op}() gives the same bits with 1 and 2 threads [wasm]`, async () => {
    const [one, two] = [await evaluateOnWasm(cases, 1), await evaluateOnWasm(cases, 2)];
    cases.forEach(({ name }, i) => deepEqual(two[i], one[i], name));
  });
}

function registerDifferences(op: string, cases: readonly OpCase[]): void {
  const small = cases.filter((opCase) => inputSize(opCase) <= MAX_DIFFERENCES && !opCase.isSteep);
  Deno.test(`${op}() of the reference agrees with finite differences`, async (t) => {
    ok(small.length > 0, "no case is small enough");
    await useReference("double");
    for (const opCase of small) await t.step(opCase.name, () => assertFiniteDifferences(opCase));
  });
}

/** Every case on the device in use against the reference in double precision. */
async function assertAgreement(opCase: OpCase): Promise<void> {
  const expected = await evaluateOnReference(opCase);
  const actual = await withShapeRules(() => evaluate(opCase));
  const { forwardTolerance = 1e-5, gradientTolerance = 1e-4 } = opCase;
  const forward = { atol: forwardTolerance, rtol: forwardTolerance };
  expected.outputs.forEach((output, i) => {
    assertAllClose(actual.outputs[i]!, output, { ...forward, label: `output ${i}` });
  });
  expected.recorded.forEach((output, i) => {
    assertAllClose(actual.recorded[i]!, output, { ...forward, label: "output on the tape" });
  });
  for (const [name, gradient] of Object.entries(expected.gradients)) {
    const atol = gradientTolerance * Math.max(largestOf(gradient), GRADIENT_FLOOR);
    assertAllClose(actual.gradients[name]!, gradient, { atol, label: `gradient of ${name}` });
  }
}

/** Gradients that vanish are compared as if their largest value were this. */
const GRADIENT_FLOOR = 0.01;

const references = new WeakMap<OpCase, Evaluation>();

async function evaluateOnReference(opCase: OpCase): Promise<Evaluation> {
  const known = references.get(opCase);
  if (known) return known;
  const deviceName = getBackend();
  await useReference("double");
  const evaluation = await withShapeRules(() => evaluate(opCase));
  await setBackend(deviceName);
  references.set(opCase, evaluation);
  return evaluation;
}

async function evaluateOnWasm(cases: readonly OpCase[], threads: number): Promise<Evaluation[]> {
  const device = await startTestWasm({ threads });
  try {
    const evaluations: Evaluation[] = [];
    for (const opCase of cases) evaluations.push(await evaluate(opCase));
    return evaluations;
  } finally {
    device.dispose();
  }
}

function largestOf({ values }: NdArray): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
