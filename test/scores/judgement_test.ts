import { deepEqual, equal, ok } from "node:assert/strict";
import { calibrated, judge, type ScoreSettings } from "../../src/scores/mod.ts";

const LABELS = ["dog", "cat", "cow"];
const PLAIN: ScoreSettings = { temperature: 1, thresholds: {} };
const DISTANCE = {
  method: "distance",
  threshold: Math.log(2),
  scale: 0.1,
  means: Float32Array.of(0, 0, 10, 0, 0, 10),
  deviations: Float32Array.of(1, 1),
} as const;

function near(found: number, expected: number): void {
  ok(Math.abs(found - expected) < 1e-9, `${found} for ${expected}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

Deno.test("calibrated() divides by the temperature, of all or of each class, and adds the bias", () => {
  deepEqual(calibrated([2, 4, 6], { temperature: 2 }), [1, 2, 3]);
  deepEqual(calibrated([2, 4, 6], { temperature: [1, 2, 3], bias: [0, 1, -1] }), [2, 3, 1]);
});

Deno.test("judge() leaves scores alone where nothing is over its limit", () => {
  const settings = { ...PLAIN, rejection: { unlikeness: DISTANCE } };
  const clip = { logits: [Math.log(2), 0, 0], features: [1, 1] };
  const { scores, none, isUnlike } = judge(clip, { settings, labels: LABELS, kind: "softmax" });
  near(scores[0]!, 0.5);
  near(sum(scores), 1);
  equal(none, undefined);
  equal(isUnlike, false);
});

Deno.test("judge() puts a clip that is far from all means above every class", () => {
  const settings = { ...PLAIN, rejection: { unlikeness: DISTANCE } };
  const clip = { logits: [50, 0, 0], features: [-5, -5] };
  const { scores, none, isUnlike } = judge(clip, { settings, labels: LABELS, kind: "softmax" });
  equal(isUnlike, true);
  ok(none! > 0.99);
  ok(Math.max(...scores) <= 0.5);
  near(sum(scores) + none!, 1);
});

Deno.test("judge() takes the distance to the nearest mean in deviations of a feature", () => {
  const { unlikeness } = { unlikeness: { ...DISTANCE, deviations: Float32Array.of(4, 4) } };
  const settings = { ...PLAIN, rejection: { unlikeness } };
  const clip = { logits: [0, 0, 0], features: [-5, -5] };
  equal(judge(clip, { settings, labels: LABELS, kind: "softmax" }).isUnlike, false);
});

Deno.test("judge() takes the energy, minus the logarithm of the sum of exponentials", () => {
  const rejection = {
    unlikeness: { method: "energy", threshold: -Math.log(3), scale: 1 },
  } as const;
  const settings = { ...PLAIN, rejection };
  const of = (logits: number[]) => judge({ logits }, { settings, labels: LABELS, kind: "softmax" });
  near(of([-1, -1, -1]).none!, 1 / (1 + Math.exp(-1)));
  equal(of([0.01, 0.01, 0.01]).none, undefined);
});

Deno.test("judge() rejects what is like noise, however near a mean it is", () => {
  const noise = { weights: Float32Array.of(1, 0), bias: -0.5 };
  const settings = { ...PLAIN, rejection: { unlikeness: DISTANCE, noise } };
  const of = (features: number[]) =>
    judge({ logits: [9, 0, 0], features }, { settings, labels: LABELS, kind: "softmax" });
  equal(of([1, 0]).isUnlike, true);
  equal(of([0, 0]).isUnlike, false);
});

Deno.test("judge() says none where the best class is below its threshold, and not where another is", () => {
  const settings = { ...PLAIN, thresholds: { dog: 0.8, cat: 0.9 } };
  const of = (...shares: number[]) =>
    judge({ logits: shares.map(Math.log) }, { settings, labels: LABELS, kind: "softmax" });
  equal(of(0.81, 0.1, 0.09).none, undefined);
  const { scores, none, isUnlike } = of(0.4, 0.35, 0.25);
  near(none!, 0.75);
  near(scores[0]!, 0.1);
  equal(isUnlike, false);
  // A class without a threshold counts with any score.
  equal(of(0.3, 0.3, 0.4).none, undefined);
});

Deno.test("judge() says none of several labels where every score is below its threshold", () => {
  const settings = { ...PLAIN, thresholds: { dog: 0.9, cat: 0.5, cow: 0.5 } };
  const of = (...scores: number[]) => {
    const logits = scores.map((score) => Math.log(score / (1 - score)));
    return judge({ logits }, { settings, labels: LABELS, kind: "sigmoid" });
  };
  equal(of(0.8, 0.6, 0.1).none, undefined);
  near(of(0.6, 0.3, 0.1).none!, 1 - 0.6 / 0.9 / 2);
});
