/**
 * What the page says of scores that were fitted.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ReportData, reportHtml } from "../../src/report/mod.ts";
import { tagFaults } from "./_page.ts";

/** Twenty clips of two classes, one in five wrong, of which the outputs are all but certain. */
const CLIPS = Array.from({ length: 20 }, (_, i) => ({
  file: `${i}.wav`,
  target: i % 2,
  logits: i % 5 === 0 === (i % 2 === 0) ? [0, 9] : [9, 0],
}));
const DATA: ReportData = {
  title: "model",
  problemType: "single_label_classification",
  labels: ["dog", "cat"],
  evaluation: { split: "test", clips: CLIPS },
};

function textOf(page: string): string {
  const [section = ""] = page.match(/<section id="scores">[\s\S]*?<\/section>/) ?? [];
  return section.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
}

Deno.test("reportHtml() says how far certainty and accuracy lie apart, and what a threshold costs", async () => {
  const page = await reportHtml(DATA);
  assert.deepEqual(tagFaults(page), []);
  const text = textOf(page);
  assert.match(text, /15 bins of equal mass\): 0\.200\. No temperature was fitted/);
  // All twenty are answered with 0.99 or more, of which four are wrong.
  assert.match(text, /0\.99 100 % 80\.0 % 0/);
});

Deno.test("reportHtml() shows scores before and after, the unknown, and thresholds", async () => {
  const clips = CLIPS.map((clip, i) => ({
    ...clip,
    scores: clip.logits.map((logit) => logit > 0 ? 0.8 : 0.2),
    unlikeness: i === 0 ? 1 : -1,
  }));
  const data = {
    ...DATA,
    evaluation: { split: "test", clips },
    unknown: [2, 2, 2, -2],
    thresholds: { dog: 0.5 },
  };
  const page = await reportHtml(data);
  assert.deepEqual(tagFaults(page), []);
  const text = textOf(page);
  assert.match(text, /: 0\.200 before the fitted temperature, 0\.\d{3} with it/);
  assert.match(text, /AUROC of the unknown: 0\.750/);
  assert.match(
    text,
    /Of 4 unknown clips 75\.0 % are rejected, and of the known ones 5\.0 %/,
  );
  // Ten are of the class, eight of which are among the ten that reach it.
  assert.match(text, /dog 0\.500 80\.0 % 80\.0 %/);
  // No score is above 0.8.
  assert.match(text, /0\.9 0 % – 16/);
});
