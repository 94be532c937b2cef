import { deepEqual, equal, throws } from "node:assert/strict";
import { type GivenLabels, givenLabels } from "../../src/models/given_labels.ts";

const SAME: readonly GivenLabels[] = [
  { labels: ["no", "yes"] },
  { id2label: { 1: "yes", 0: "no" } },
  { id2label: { "0": "no", "1": "yes" }, label2id: { yes: "1", no: "0" }, numLabels: 2 },
  { label2id: { yes: 1, no: 0 } },
];

Deno.test("givenLabels() takes names in each of the words of transformers", () => {
  for (const given of SAME) deepEqual(givenLabels(given), ["no", "yes"]);
  deepEqual(givenLabels({ numLabels: 2 }), ["LABEL_0", "LABEL_1"]);
  equal(givenLabels({}), undefined);
});

const REFUSED: readonly (readonly [GivenLabels, RegExp])[] = [
  [{ id2label: { 1: "no", 2: "yes" } }, /by id2label: expected numbers from 0 to 1.*found 1, 2$/],
  [{ label2id: { no: 0, yes: 0 } }, /by label2id: .*found 0, 0$/],
  [{ labels: ["no"], numLabels: 2 }, /expected 2 of them \(numLabels\), found 1 names/],
  [
    { labels: ["no", "yes"], label2id: { no: 1, yes: 0 } },
    /the same name for class 0, found "no" and "yes"/,
  ],
  [{ labels: ["no"], id2label: { 0: "no", 1: "yes" } }, /for class 1, found nothing and "yes"/],
];

for (const [given, message] of REFUSED) {
  Deno.test(`givenLabels() refuses ${JSON.stringify(given)}`, () => {
    throws(() => givenLabels(given), { name: "RangeError", message });
  });
}

Deno.test("givenLabels() shows twenty of many wrong numbers", () => {
  const label2id = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`class ${i}`, i + 1]));
  const shown = Array.from({ length: 20 }, (_, i) => i + 1).join(", ");
  throws(() => givenLabels({ label2id }), { message: new RegExp(`found ${shown}$`) });
});
