import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import {
  type ComparedSet,
  pairedSets,
  setComparisonOf,
  setComparisonText,
} from "../../src/commands/_set_comparison.ts";

/** `count` clips with these labels, for which the two models claim these. */
function clips(count: number, labels: string, first: string, second: string): ComparedSet[] {
  const scores = (claimed: string) => ({
    a: claimed.includes("a") ? 0.9 : 0.1,
    b: claimed.includes("b") ? 0.8 : 0.2,
  });
  return Array.from({ length: count }, (_, i) => ({
    file: `${labels}-${first}-${second}-${i}.wav`,
    labels: [...labels],
    first: scores(first),
    second: scores(second),
  }));
}

// All labels right: the first 8 of 20, the second 14; the first alone 1, the second alone 7.
const MIXED = [
  ...clips(4, "ab", "ab", "ab"),
  ...clips(5, "ab", "a", "ab"),
  ...clips(3, "", "", ""),
  ...clips(2, "", "b", ""),
  ...clips(1, "a", "a", "ab"),
  ...clips(5, "b", "", "a"),
];

Deno.test("setComparisonOf() measures both, and the differences", () => {
  const found = setComparisonOf(MIXED, ["one", "two"]);
  deepEqual([found.first.accuracy.value, found.second.accuracy.value], [0.4, 0.7]);
  const { firstOnly, secondOnly, p } = found.mcNemar;
  // Twice the chance of at most 1 of 8 heads: 2 (1 + 8) / 256.
  deepEqual([firstOnly, secondOnly, p.toFixed(6)], [1, 7, "0.070313"]);
  // "a" is in 10 clips, "b" in 14. The first claims "a" in 10, all right, and "b" in 6, 4 of them right.
  equal(found.first.f1Macro.value, (1 + 8 / 20) / 2);
  equal(found.first.f1Micro.value, 2 * 14 / (20 + 20));
  // The second claims "a" in 15, 10 of them right, and "b" in 10, 9 of them right.
  ok(Math.abs(found.second.f1Macro.value - (20 / 25 + 18 / 24) / 2) < 1e-12);
  ok(Math.abs(found.second.f1Micro.value - 2 * 19 / (25 + 24)) < 1e-12);
  ok(Math.abs(found.f1Micro.difference - (38 / 49 - 0.7)) < 1e-12);
  // "a" of the first: 10 clips before all others. "b" of the first: 4 of 6 claimed, then 10 of 14.
  const precision = (1 + (4 / 14) * (4 / 6) + (10 / 14) * (14 / 20)) / 2;
  ok(Math.abs(found.first.averagePrecision.value - precision) < 1e-6);
  equal(found.changed.length, 13);
  deepEqual(found.changed[0], {
    file: "ab-a-ab-0.wav",
    labels: ["a", "b"],
    first: ["a"],
    second: ["a", "b"],
  });
});

Deno.test("setComparisonOf() tests each label, and corrects for their number", () => {
  const { perLabel } = setComparisonOf(MIXED, ["one", "two"]);
  const { a, b } = perLabel;
  // "a": the second claims it wrongly in 5. "b": the second is right in 5 and 2 more, and wrong in 1.
  deepEqual([a!.firstOnly, a!.secondOnly, b!.firstOnly, b!.secondOnly], [5, 0, 1, 7]);
  deepEqual([a!.p.toFixed(6), b!.p.toFixed(6)], ["0.062500", "0.070313"]);
  // Holm: the least of two twice, and no later one less than it.
  deepEqual([a!.adjusted.toFixed(6), b!.adjusted.toFixed(6)], ["0.125000", "0.125000"]);
});

Deno.test("setComparisonText() shows figures, labels, changed clips and what the tests say", () => {
  const text = setComparisonText(setComparisonOf(MIXED, ["one", "two"]));
  match(text, /^20 clips, any number of labels each/m);
  match(text, /^A: one +0\.400 \(0\.219 to 0\.613\) +0\.700 \(.* +0\.700 \(/m);
  match(text, /^B - A +\+0\.300 \(/m);
  match(text, /^b +14 +0\.286 +0\.643 +0\.400 +0\.750 +1 +7 +0\.1250$/m);
  match(text, /^a-a-ab-0\.wav +a +a +a, b$/m);
  match(text, /^b--a-0\.wav +b +- +a$/m);
  match(text, /^The difference can be chance: .* 7\.0 % of the time$/m);
  const same = setComparisonText(setComparisonOf(clips(3, "a", "a", "a"), ["one", "two"]));
  match(same, /^No clip changed\n[^]*no difference was seen$/m);
});

Deno.test("pairedSets() pairs clips by their paths, and refuses other labels", () => {
  const predicted = (file: string, labels?: string[]) => {
    return { file, labels, predictions: [{ label: "a", score: 0.7 }] };
  };
  const names = ["one", "two"] as const;
  const [first, second] = [[predicted("1.wav", ["b", "a"]), predicted("2.wav", [])], [
    predicted("1.wav", ["a", "b"]),
  ]];
  deepEqual(pairedSets([first!, second!], names), {
    clips: [{ file: "1.wav", labels: ["a", "b"], first: { a: 0.7 }, second: { a: 0.7 } }],
    unpaired: 1,
  });
  const unstated = [predicted("1.wav")];
  const known = new Map([["1.wav", ["b"]]]);
  deepEqual(pairedSets([unstated, unstated], names, known).clips[0]!.labels, ["b"]);
  const error = (message: string) => ({ name: "DatasetError", message });
  throws(
    () => pairedSets([unstated, unstated], names),
    error('Cannot compare "1.wav": expected the same labels of both, found none stated'),
  );
  throws(
    () => pairedSets([first!, [predicted("2.wav", ["a"])]], names),
    error('Cannot compare "2.wav": expected the same labels of both, found no label and "a"'),
  );
  throws(
    () => pairedSets([unstated, [predicted("3.wav")]], names, known),
    error(
      'Cannot compare "one" and "two": expected the same clips, found none in both, "1.wav" and "3.wav" for example',
    ),
  );
});
