import { deepEqual } from "node:assert/strict";
import { bestClasses } from "../../src/classify/_scores.ts";

const LABELS = Array.from({ length: 12 }, (_, i) => `${i}`);

/** Some are equal. */
const LOGITS = Float32Array.from(LABELS, (_, i) => (i * 7) % 4);

/** All, sorted as a whole. */
const SORTED = LABELS.map((label, i) => ({ label, score: LOGITS[i]! }))
  .sort((a, b) => b.score - a.score);

for (const topK of [1, 3, 8, 9, 12, 20, Infinity]) {
  Deno.test(`bestClasses() gives the first ${topK} of all classes, equal ones by number`, () => {
    const best = bestClasses({ logits: LOGITS }, LABELS, { topK, functionToApply: "none" });
    deepEqual(best, SORTED.slice(0, topK));
  });
}

Deno.test("bestClasses() counts none among the classes, before one of its score", () => {
  const settings = { temperature: 1, thresholds: { a: 0.9, b: 0.9 } };
  const rules = { functionToApply: "softmax", settings } as const;
  const outputs = { logits: Float32Array.of(0, 0) };
  const all = bestClasses(outputs, ["a", "b"], { ...rules, topK: 5 });
  deepEqual(all.map(({ label }) => label), ["none", "a", "b"]);
  deepEqual(bestClasses(outputs, ["a", "b"], { ...rules, topK: 1 }), all.slice(0, 1));
});
