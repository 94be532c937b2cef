/**
 * Traces of one pass at several sizes, joined into one: what is the same in all is fixed, what differs is a size that
 * depends on the input.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import type { Call, CallName, Trace, TracedValue } from "./_trace.ts";

/** A size in each of the traces. */
export type Size = readonly number[];

/** A tensor of all traces. */
export interface Value {
  readonly id: number;
  readonly shape: readonly Size[];
  /** Its constant in each trace, where it is one. */
  readonly constants?: readonly NonNullable<TracedValue["constant"]>[];
}

/** A call of all traces. */
export interface JoinedCall {
  readonly name: CallName;
  readonly inputs: Readonly<Record<string, Value>>;
  /** In each trace. */
  readonly attrs: readonly Readonly<Record<string, unknown>>[];
  readonly outputs: readonly Value[];
}

/** A pass, whatever the size of its input. */
export interface Pass {
  readonly input: Value;
  readonly calls: readonly JoinedCall[];
  readonly output: Value;
}

/** Whether a size is the same in all traces. */
export function isFixed(size: Size): boolean {
  return size.every((length) => length === size[0]);
}

/** Whether two sizes are the same in each trace. */
export function isSameSize(some: Size, others: Size): boolean {
  return some.every((length, i) => length === others[i]);
}

/**
 * Joins traces.
 *
 * @throws {UnsupportedOpError} when they do not call the same operations on the same tensors.
 */
export function joined(traces: readonly Trace[]): Pass {
  const [first] = traces as [Trace];
  if (traces.some(({ calls }) => calls.length !== first.calls.length)) fail("calls");
  const valueAt = (of: (trace: Trace) => TracedValue) => joinedValue(traces.map(of));
  return {
    input: valueAt(({ input }) => input),
    calls: first.calls.map((_, n) => joinedCall(traces.map(({ calls }) => calls[n]!))),
    output: valueAt(({ output }) => output),
  };
}

function joinedCall(calls: readonly Call[]): JoinedCall {
  const [{ name, inputs, outputs }] = calls as [Call];
  if (calls.some((call) => call.name !== name)) fail(name);
  const keys = Object.keys(inputs);
  return {
    name,
    inputs: Object.fromEntries(
      keys.map((key) => [key, joinedValue(calls.map((call) => call.inputs[key] ?? fail(name)))]),
    ),
    attrs: calls.map(({ attrs }) => attrs),
    outputs: outputs.map((_, n) => joinedValue(calls.map((call) => call.outputs[n]!))),
  };
}

function joinedValue(values: readonly TracedValue[]): Value {
  const [{ id, shape }] = values as [TracedValue];
  if (values.some((value) => value.id !== id || value.shape.length !== shape.length)) {
    fail("tensors");
  }
  const constants = values.map(({ constant }) => constant).filter((constant) =>
    constant !== undefined
  );
  return {
    id,
    shape: shape.map((_, axis) => values.map((value) => value.shape[axis]!)),
    ...constants.length === values.length && { constants },
  };
}

function fail(what: string): never {
  throw new UnsupportedOpError(
    `Cannot write a graph: expected the same ${what} whatever the length of a clip, found others`,
  );
}
