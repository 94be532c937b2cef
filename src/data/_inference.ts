/**
 * The type of a column, from a value of it.
 *
 * @module
 */

import { Audio, type Feature, isObject, isRecording, Sequence, Struct, Value } from "./features.ts";

/** The feature that fits a value. */
export function inferFeature(value: unknown): Feature {
  if (typeof value === "string") return new Value("string");
  if (typeof value === "boolean") return new Value("bool");
  if (typeof value === "bigint") return new Value("int64");
  if (typeof value === "number") return new Value(Number.isInteger(value) ? "int64" : "float64");
  if (value instanceof Uint8Array) return new Value("binary");
  if (value instanceof Float32Array) return new Sequence(new Value("float32"));
  if (value instanceof Int32Array) return new Sequence(new Value("int32"));
  if (Array.isArray(value)) return new Sequence(inferFeature(value[0]));
  if (!isObject(value)) return new Value("null");
  if (isRecording(Object.keys(value))) return new Audio();
  const fields = Object.entries(value).map(([name, field]) => [name, inferFeature(field)]);
  return new Struct(Object.fromEntries(fields));
}
