/**
 * Types of columns as files and cards state them.
 *
 * @module
 */

import { deepEqual, equal, throws } from "node:assert/strict";
import { matching } from "../../src/data/_glob.ts";
import { featuresFromCard, featuresFromJson } from "../../src/data/features.ts";

function shown(features: Record<string, unknown>): string[] {
  return Object.entries(features).map(([name, type]) => `${name}: ${type}`);
}

Deno.test("featuresFromJson() reads what datasets writes into a schema", () => {
  const features = featuresFromJson({
    audio: { sampling_rate: 16_000, _type: "Audio" },
    label: { names: ["no", "yes"], _type: "ClassLabel" },
    tags: { feature: { names: ["a"], _type: "ClassLabel" }, length: -1, _type: "Sequence" },
    words: [{ dtype: "string", _type: "Value" }],
    speaker: { age: { dtype: "int32", _type: "Value" } },
    picture: { _type: "Image" },
  }, "a.parquet");
  deepEqual(shown(features), [
    "audio: Audio(sampling_rate=16000, decode=true)",
    "label: ClassLabel(names=['no', 'yes'])",
    "tags: List(ClassLabel(names=['a']))",
    "words: List(Value('string'))",
    "speaker: {'age': Value('int32')}",
    "picture: Value('Image')",
  ]);
});

Deno.test("featuresFromCard() reads what cards state", () => {
  const features = featuresFromCard([
    { name: "path", dtype: "string" },
    { name: "audio", dtype: { audio: { sampling_rate: 8_000 } } },
    { name: "clip", dtype: "audio" },
    { name: "label", dtype: { class_label: { names: { 1: "b", 0: "a", 10: "k", 2: "c" } } } },
    { name: "words", sequence: "string" },
    { name: "tags", list: { class_label: { names: ["x"] } } },
    { name: "who", struct: [{ name: "age", dtype: "int32" }] },
    { name: "all", list: [{ name: "age", dtype: "int32" }] },
  ], "README.md");
  deepEqual(shown(features), [
    "path: Value('string')",
    "audio: Audio(sampling_rate=8000, decode=true)",
    "clip: Audio(sampling_rate=null, decode=true)",
    "label: ClassLabel(names=['a', 'b', 'c', 'k'])",
    "words: List(Value('string'))",
    "tags: List(ClassLabel(names=['x']))",
    "who: {'age': Value('int32')}",
    "all: List({'age': Value('int32')})",
  ]);
});

Deno.test("features that make no sense are named with their file", () => {
  const refused = (message: string) => ({ name: "DatasetError", message, file: "a" });
  const start = 'Cannot read features of "a": expected';
  throws(() => featuresFromJson([], "a"), refused(`${start} an object, found []`));
  throws(
    () => featuresFromJson({ label: { _type: "ClassLabel" } }, "a"),
    refused(`${start} the names of a class list, found nothing`),
  );
  throws(() => featuresFromJson({ x: 7 }, "a"), refused(`${start} a feature, found 7`));
  throws(() => featuresFromCard({}, "a"), refused(`${start} a list, found {}`));
  throws(() => featuresFromCard([{ dtype: "x" }], "a"), /expected a name, found/);
});

Deno.test("matching() takes patterns as cards have them", () => {
  const paths = ["a.csv", "b/a.csv", "b/c/a.csv", "b/c/d.parquet", "train-1.csv", "train-[x].csv"];
  const cases: Record<string, string[]> = {
    "*.csv": ["a.csv", "train-1.csv", "train-[x].csv"],
    "**/*.csv": ["a.csv", "b/a.csv", "b/c/a.csv", "train-1.csv", "train-[x].csv"],
    "b/*": ["b/a.csv"],
    "b/**": ["b/a.csv", "b/c/a.csv", "b/c/d.parquet"],
    "./a.csv": ["a.csv"],
    "train-[0-9].csv": ["train-1.csv"],
    "train-[x].csv": ["train-[x].csv"],
    "?.csv": ["a.csv"],
    "b/c/*.{csv,parquet}": ["b/c/a.csv", "b/c/d.parquet"],
    "a+csv": [],
  };
  for (const [pattern, found] of Object.entries(cases)) deepEqual(matching(pattern, paths), found);
  equal(matching("x", paths).length, 0);
});
