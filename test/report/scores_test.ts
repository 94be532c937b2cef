/**
 * Numbers that the report derives, against ones worked out by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  calibrationError,
  commonFolder,
  confidenceBins,
  confusionMatrix,
  confusions,
  scoreClasses,
  scoreClips,
  wilsonInterval,
} from "../../src/report/_scores.ts";
import type { ClipPrediction, ReportData } from "../../src/report/mod.ts";

function reportOf(
  problemType: ReportData["problemType"],
  clips: ClipPrediction[],
  labels = ["no", "yes"],
): ReportData {
  return { title: "t", problemType, labels, evaluation: { split: "test", clips } };
}

/** Logits of a clip that is taken for "yes" with the given probability. */
function yes(probability: number): number[] {
  return [0, Math.log(probability / (1 - probability))];
}

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
}

Deno.test("scoreClips() gives probabilities and cross-entropy", () => {
  const data = reportOf("single_label_classification", [
    { file: "a", target: 1, logits: yes(0.8) },
    { file: "b", target: 0, logits: yes(0.8) },
  ]);
  const [right, wrong] = scoreClips(data);
  close(right!.scores[1]!, 0.8);
  close(right!.loss, -Math.log(0.8));
  close(wrong!.loss, -Math.log(0.2));
  assert.deepEqual([right!.isRight, wrong!.isRight], [true, false]);
});

Deno.test("scoreClips() stays finite for outputs that are far apart", () => {
  const [clip] = scoreClips(reportOf("single_label_classification", [
    { file: "a", target: 0, logits: [-1000, 1000] },
  ]));
  assert.equal(clip!.loss, 2000);
});

Deno.test("scoreClips() takes the mean over the labels where there are several", () => {
  const [clip] = scoreClips(reportOf("multi_label_classification", [
    { file: "a", target: [1, 0], logits: [0, Math.log(3)] },
  ]));
  close(clip!.scores[1]!, 0.75);
  close(clip!.loss, (Math.log(2) + Math.log(4)) / 2);
  assert.equal(clip!.isRight, false);
});

Deno.test("scoreClips() takes the squared error in regression", () => {
  const [clip] = scoreClips(reportOf("regression", [{ file: "a", target: 2, logits: [5] }], ["x"]));
  assert.equal(clip!.loss, 9);
});

Deno.test("scoreClasses() counts precision, recall and F1", () => {
  const data = reportOf("single_label_classification", [
    { file: "a", target: 1, logits: yes(0.9) },
    { file: "b", target: 1, logits: yes(0.1) },
    { file: "c", target: 0, logits: yes(0.9) },
    { file: "d", target: 1, logits: yes(0.9) },
  ]);
  const [no, yesRow] = scoreClasses(data, scoreClips(data));
  assert.deepEqual(no, { label: "no", samples: 1, claimed: 1, precision: 0, recall: 0, f1: 0 });
  close(yesRow!.precision, 2 / 3);
  close(yesRow!.recall, 2 / 3);
  close(yesRow!.f1, 2 / 3);
});

Deno.test("confusions() lists pairs by their clips, without what is right", () => {
  const targets = [[0, 1], [0, 1], [1, 0], [2, 2]] as const;
  const clips = targets.map(([target, predicted], i) => ({
    file: `${i}`,
    target,
    logits: [0, 1, 2].map((label) => Number(label === predicted)),
  }));
  const data = reportOf("single_label_classification", clips, ["a", "b", "c"]);
  const matrix = confusionMatrix(3, scoreClips(data));
  assert.deepEqual([...matrix], [0, 2, 0, 1, 0, 0, 0, 0, 1]);
  assert.deepEqual(confusions(matrix, 3), [
    { actual: 0, predicted: 1, clips: 2 },
    { actual: 1, predicted: 0, clips: 1 },
  ]);
});

Deno.test("calibrationError() weighs the bins by their clips", () => {
  const data = reportOf("single_label_classification", [
    { file: "a", target: 1, logits: yes(0.75) },
    { file: "b", target: 0, logits: yes(0.75) },
    { file: "c", target: 1, logits: yes(0.95) },
    { file: "d", target: 1, logits: yes(0.95) },
  ]);
  const bins = confidenceBins(scoreClips(data));
  assert.deepEqual(bins.map(({ clips }) => clips), [0, 0, 0, 0, 0, 0, 0, 2, 0, 2]);
  close(calibrationError(bins), (0.25 + 0.05) / 2);
});

Deno.test("wilsonInterval() is that of the textbook", () => {
  const [low, high] = wilsonInterval(0.5, 10);
  assert.equal(low.toFixed(4), "0.2366");
  assert.equal(high.toFixed(4), "0.7634");
  assert.deepEqual(wilsonInterval(1, 5)[1], 1);
});

Deno.test("commonFolder() ends at a slash, of one path too", () => {
  assert.equal(commonFolder(["data/test/yes/1.wav", "data/test/year/1.wav"]), "data/test/");
  assert.equal(commonFolder(["a/1.wav", "b/1.wav"]), "");
  assert.equal(commonFolder(["a/1.wav"]), "a/");
  assert.equal(commonFolder([]), "");
});
