import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Protocol } from "../../src/commands/_protocol.ts";
import { type FinishedRun, runsReport, runsTables } from "../../src/commands/_runs_report.ts";
import type { TrainingSplits } from "../../src/data/training_splits.ts";

const ONCE: Protocol = { repeat: 1, shots: [] };

function runs(figures: readonly (readonly [accuracy: number, own: Partial<FinishedRun>])[]) {
  return figures.map(([accuracy, own], i): FinishedRun => {
    const metrics = { accuracy, loss: 1 };
    return { name: `run-${i}`, seed: i, repeat: 0, trained: 30, samples: 10, metrics, ...own };
  });
}

function folder(drawn: boolean): TrainingSplits {
  const split = (name: string, clips: number) => {
    const some = Array.from({ length: clips }, (_, i) => ({ file: `${i}.wav`, label: 0 }));
    return { split: name, labels: ["a"], clips: some };
  };
  const splits = {
    train: split("train", 36),
    validation: split("validation", 4),
    test: split("test", 10),
  };
  return { source: "data", labels: ["a"], splits, drawn, notes: [] };
}

function report(protocol: Partial<Protocol>, all: FinishedRun[], drawn = true) {
  const plan = { data: "data", model: "tiny", protocol: { ...ONCE, ...protocol }, splits: {} };
  return runsReport(plan, all, folder(drawn));
}

Deno.test("runsReport() chooses the interval by what the runs share", () => {
  const two = runs([[0.6, {}], [0.7, {}]]);
  const folds = runs([[0.6, { fold: "0" }], [0.7, { fold: "1" }], [0.8, { fold: "2" }]]);
  equal(report({ folds: 3 }, folds).interval.testRatio, 0.5);
  equal(report({ repeat: 2 }, two).interval.testRatio, 0.25);
  const same = report({ repeat: 2 }, two, false).interval;
  equal(same.testRatio, 0);
  match(same.method, /same test clips/);
  match(report({ repeat: 2, shots: [4] }, two).interval.method, /few-shot/);
});

Deno.test("runsReport() averages repeats on given folds, and takes all held-out clips together", () => {
  const all = runs([
    [0.5, { fold: "a" }],
    [1, { fold: "b" }],
    [0.7, { fold: "a", repeat: 1 }],
    [0.6, { fold: "b", repeat: 1 }],
  ]);
  const twice = report({ foldBy: "f", repeat: 2 }, all);
  equal(twice.groups[0]!.runs, 2);
  const { mean, deviation, low, high } = twice.groups[0]!.metrics.accuracy!;
  ok(Math.abs(mean - 0.7) < 1e-12 && Math.abs(deviation! - 0.2 / Math.SQRT2) < 1e-12);
  deepEqual([low, high, twice.heldOut], [0, 1, undefined]);
  const once = runs([[0.5, { fold: "a", samples: 10 }], [1, { fold: "b", samples: 30 }]]);
  const { clips, accuracy } = report({ foldBy: "f" }, once).heldOut!;
  deepEqual([clips, accuracy], [40, 0.875]);
});

Deno.test("runsTables() shows an interval that is cut off without its half", () => {
  const wide = report({ repeat: 2 }, runs([[0.2, {}], [0.9, {}]]));
  match(runsTables(wide), /^Accuracy +2 +0\.5500 +0\.4950 +0\.0000 to 1\.0000$/m);
  match(runsTables(wide), /^Loss +2 +1\.0000 +0\.0000 +± 0\.0000, 1\.0000 to 1\.0000$/m);
  const few = [1, 8].flatMap((shots) => runs([[0.2, { shots }], [0.21, { shots }]]));
  match(
    runsTables(report({ shots: [1, 8], repeat: 2 }, few)),
    /^ +8 +Accuracy +2 +0\.2050 +0\.0071/m,
  );
});
