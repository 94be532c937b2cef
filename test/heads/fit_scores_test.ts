import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { DatasetError } from "../../src/errors.ts";
import type { KnownClip } from "../../src/heads/fit_rejection.ts";
import { fitScores, scoreConfig } from "../../src/heads/fit_scores.ts";
import { Random } from "../../src/random.ts";
import { excess, judge, scoreSettings } from "../../src/scores/mod.ts";

const LABELS = ["dog", "cat"];
const CORNERS = [[4, 0, 0], [0, 4, 0]];

/** Clips near the corner of their class; outputs are sure of it, and wrong in one of `wrongIn`. */
function clips(count: number, seed: number, wrongIn = Infinity): KnownClip[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const label = i % 2;
    const said = i % wrongIn === wrongIn - 1 ? 1 - label : label;
    return {
      logits: [0, 1].map((k) => (k === said ? 8 : 0) + random.normal()),
      features: CORNERS[label]!.map((x) => x + 0.5 * random.normal()),
      targets: [Number(label === 0), Number(label === 1)],
    };
  });
}

function around(corner: readonly number[], count: number, seed: number): KnownClip[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => ({
    logits: [8 + random.normal(), random.normal()],
    features: corner.map((x) => x + 0.3 * random.normal()),
    targets: [0, 0],
  }));
}

const DATA = {
  train: clips(80, 1),
  validation: clips(60, 2, 10),
  noise: around([0, 0, 3], 64, 3),
  unknown: around([-4, -4, 0], 20, 4),
};
const OPTIONS = { labels: LABELS, kind: "softmax" } as const;

Deno.test("fitScores() makes a model that is too sure as sure as it is right", () => {
  const data = { ...DATA, validation: clips(600, 2, 10) };
  const { settings, before, after } = fitScores(data, OPTIONS);
  ok(settings.temperature as number > 2, String(settings.temperature));
  ok(after.loss < before.loss);
  ok(after.calibrationError! < before.calibrationError!);
});

Deno.test("fitScores() does not take a model that errs on none of a few clips for one that never errs", () => {
  const { settings } = fitScores({ ...DATA, validation: clips(12, 5) }, OPTIONS);
  ok(settings.temperature as number > 0.5, String(settings.temperature));
});

Deno.test("fitScores() rejects noise and the unknown, and keeps what it knows", () => {
  const { settings, auroc } = fitScores(DATA, OPTIONS);
  const rejection = settings.rejection!;
  equal(rejection.unlikeness.method, "distance");
  ok(auroc.distance! > auroc.energy!, JSON.stringify(auroc));
  const share = (some: readonly KnownClip[]) =>
    some.filter((clip) => excess(clip, rejection) >= 0).length / some.length;
  equal(share(around([0, 0, 3], 40, 6)), 1);
  equal(share(around([-4, -4, 0], 40, 7)), 1);
  ok(share(clips(200, 8)) <= 0.05);
});

Deno.test("fitScores() rejects noise that lies between the classes by its direction", () => {
  const noise = around([2, 2, 1.2], 64, 9);
  const { settings } = fitScores({ ...DATA, noise }, OPTIONS);
  const judged = around([2, 2, 1.2], 40, 10).map((clip) => {
    return judge(clip, { settings, labels: LABELS, kind: "softmax" });
  });
  ok(judged.filter(({ isUnlike }) => isUnlike).length >= 38);
});

Deno.test("fitScores() takes the energy where there are no training clips, or it tells the unknown better", () => {
  const alone = fitScores({ ...DATA, train: [], unknown: [] }, OPTIONS);
  equal(alone.settings.rejection!.unlikeness.method, "energy");
  const near = clips(20, 11).map((clip) => ({ ...clip, logits: [-9, -9] }));
  const { settings } = fitScores({ ...DATA, unknown: near }, OPTIONS);
  equal(settings.rejection!.unlikeness.method, "energy");
});

Deno.test("fitScores() leaves out what is not asked for", () => {
  const { settings } = fitScores(DATA, { ...OPTIONS, rejects: false });
  deepEqual(Object.keys(scoreConfig(settings)), ["temperature"]);
});

Deno.test("scoreConfig() is what scoreSettings() reads", () => {
  const options = { ...OPTIONS, isVector: true, thresholdsBy: "f1" } as const;
  const { settings } = fitScores(DATA, options);
  equal((settings.temperature as number[]).length, 2);
  equal(Object.keys(settings.thresholds).length, 2);
  const read = scoreSettings(JSON.parse(JSON.stringify(scoreConfig(settings))), { labels: LABELS });
  deepEqual(read, settings);
});

Deno.test("fitScores() refuses too few validation clips, and those of one class", () => {
  const few = { ...DATA, validation: clips(9, 1) };
  throws(() => fitScores(few, OPTIONS), (error) => {
    return error instanceof DatasetError &&
      /at least 10 validation clips, found 9/.test(error.message);
  });
  const one = { ...DATA, validation: clips(40, 1).filter((_, i) => i % 2 === 0) };
  throws(() => fitScores(one, OPTIONS), (error) => {
    return error instanceof DatasetError && /of two classes, found one/.test(error.message);
  });
});
