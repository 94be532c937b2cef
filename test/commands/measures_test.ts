import { deepEqual, equal, ok } from "node:assert/strict";
import { measuresLine, measuresOf } from "../../src/commands/_measures.ts";
import { wilsonInterval } from "../../src/report/mod.ts";
import type { Evaluation } from "../../src/train/metrics/evaluation.ts";
import { meanLoss } from "../../src/train/step/loss.ts";

const SINGLE = { problemType: "single_label_classification", labels: ["no", "yes"] } as const;

/** Forty clips of two classes, of which so many are taken for the other one. */
function evaluation(wrong: number): Evaluation {
  const labels = Int32Array.from({ length: 40 }, (_, clip) => clip % 2);
  const logits = Float32Array.from({ length: 80 }, (_, i) => {
    const clip = i >> 1;
    const claimed = clip < wrong ? 1 - labels[clip]! : labels[clip]!;
    return i % 2 === claimed ? 1 + clip / 40 : 0;
  });
  const prediction = { logits, classes: 2, labels };
  const indices = Int32Array.from({ length: 40 }, (_, clip) => clip);
  return { ...prediction, loss: meanLoss(prediction, SINGLE.problemType), indices };
}

Deno.test("measuresOf() gives a share the interval of the report, where all is right too", () => {
  for (const wrong of [0, 3, 40]) {
    const { metrics, accuracyInterval } = measuresOf(evaluation(wrong), SINGLE);
    const [low, high] = wilsonInterval(metrics.accuracy!, 40);
    deepEqual(accuracyInterval, { low, high });
    ok(high - low > 0.05);
  }
});

Deno.test("measuresOf() draws intervals of F1 and loss, and gives none without a width", () => {
  const some = measuresOf(evaluation(3), SINGLE);
  const { low, high } = some.f1Interval!;
  ok(low < some.metrics.f1_macro! && some.metrics.f1_macro! < high && high - low > 0.02);
  const loss = some.lossInterval!;
  ok(loss.low < some.metrics.loss! && some.metrics.loss! < loss.high);
  deepEqual(measuresOf(evaluation(3), SINGLE), some, "drawn by the same seed");
  const all = measuresOf(evaluation(0), SINGLE);
  equal(all.f1Interval, undefined);
  ok(all.lossInterval!.high > all.lossInterval!.low);
});

Deno.test("measuresLine() shows each interval behind its figure", () => {
  const line = measuresLine(measuresOf(evaluation(0), SINGLE), "Test");
  const number = (digits: number) => `\\d+\\.\\d{${digits}}`;
  ok(
    new RegExp(
      `^Test accuracy 100.00 % \\(95 % interval 91.24 to 100.00 %\\), macro F1 1.000, ` +
        `loss ${number(4)} \\(${number(4)} to ${number(4)}\\), 40 clips$`,
    ).test(line),
    line,
  );
});

Deno.test("measuresOf() of a regression has the interval of its loss", () => {
  const prediction = {
    logits: Float32Array.of(1, 2, 3, 4),
    classes: 1,
    labels: Float32Array.of(1.5, 2, 2, 4),
  };
  const loss = meanLoss(prediction, "regression");
  const measures = measuresOf({ ...prediction, loss, indices: Int32Array.of(0, 1, 2, 3) }, {
    problemType: "regression",
    labels: ["value"],
  });
  equal(measures.accuracyInterval, undefined);
  ok(measures.lossInterval!.low < loss && loss < measures.lossInterval!.high);
});
