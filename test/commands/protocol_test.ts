import { deepEqual, equal } from "node:assert/strict";
import { isSeveral, plannedRuns, splitsOf } from "../../src/commands/_protocol.ts";
import { allClipsCommand } from "../../src/commands/_train_output.ts";

const ONCE = { repeat: 1, shots: [] };

Deno.test("plannedRuns() names a run by what it differs in", () => {
  const names = (...args: Parameters<typeof plannedRuns>) =>
    plannedRuns(...args).map(({ name }) => name);
  deepEqual(names({ ...ONCE, folds: 2 }, ["0", "1"]), ["fold-0", "fold-1"]);
  deepEqual(names({ ...ONCE, repeat: 2 }), ["repeat-0", "repeat-1"]);
  deepEqual(names({ repeat: 2, shots: [1, 5], foldBy: "f" }, ["a/b", "c"]), [
    "shots-1/repeat-0/fold-0",
    "shots-1/repeat-0/fold-1",
    "shots-1/repeat-1/fold-0",
    "shots-1/repeat-1/fold-1",
    "shots-5/repeat-0/fold-0",
    "shots-5/repeat-0/fold-1",
    "shots-5/repeat-1/fold-0",
    "shots-5/repeat-1/fold-1",
  ]);
  deepEqual([isSeveral(ONCE), isSeveral({ ...ONCE, shots: [5] })], [false, false]);
});

Deno.test("splitsOf() takes no validation clips from the folds of a head, unless asked to", () => {
  const size = (
    protocol: Partial<Parameters<typeof splitsOf>[0]>,
    fitsHead: boolean,
    own?: number,
  ) =>
    splitsOf({ ...ONCE, ...protocol }, { stratify: true, validationSize: own }, fitsHead)
      .validationSize;
  equal(size({ folds: 5 }, true), 0);
  equal(size({ foldBy: "fold" }, true, 0.2), 0.2);
  equal(size({ folds: 5 }, false), undefined);
  equal(size({}, true), undefined);
});

Deno.test("allClipsCommand() is the command without what makes several runs", () => {
  const typed = [
    "--data",
    "d",
    "--folds",
    "5",
    "--fold_by=x",
    "--output",
    "o",
    "--resume",
    "--seed",
    "7",
  ];
  const command = allClipsCommand([...typed, "--shots=1,2"]);
  equal(command.replace(/^.* train /, ""), "--data d --seed 7 --test-size 0");
});
