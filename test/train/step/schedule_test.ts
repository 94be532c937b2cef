import assert from "node:assert/strict";
import { assertAllClose } from "../../compare.ts";
import { learningRateAt, type Schedule, warmupStepsOf } from "../../../src/train/step/schedule.ts";

Deno.test("warmupStepsOf() prefers a number of steps, and rounds a share up", () => {
  assert.equal(warmupStepsOf({ warmupSteps: 0, warmupRatio: 0.1 }, 24), 3);
  assert.equal(warmupStepsOf({ warmupSteps: 7, warmupRatio: 0.1 }, 24), 7);
  assert.equal(warmupStepsOf({ warmupSteps: 0, warmupRatio: 0 }, 24), 0);
});

Deno.test("learningRateAt() starts at 0 with a rise and at the peak without", () => {
  const plan = { type: "linear", peak: 4, totalSteps: 10 } as const;
  assert.equal(learningRateAt({ ...plan, warmupSteps: 2 }, 0), 0);
  assert.equal(learningRateAt({ ...plan, warmupSteps: 0 }, 0), 4);
});

Deno.test("learningRateAt() ends at 0 for linear and cosine, and nowhere for constant", () => {
  const plan = { peak: 4, warmupSteps: 2, totalSteps: 10 };
  assert.equal(learningRateAt({ ...plan, type: "linear" }, 10), 0);
  assert.ok(Math.abs(learningRateAt({ ...plan, type: "cosine" }, 10)) < 1e-12);
  assert.equal(learningRateAt({ ...plan, type: "constant" }, 10), 4);
  assert.equal(learningRateAt({ ...plan, type: "cosine" }, 6), 2);
  assert.equal(learningRateAt({ ...plan, type: "linear" }, 4), 3);
});

/** `transformers.get_scheduler` 5.18 with a rate of 0.5 over ten steps, eight decimals. */
const REFERENCE: [Pick<Schedule, "type" | "warmupSteps" | "kwargs">, number[]][] = [
  [{ type: "linear", warmupSteps: 2 }, [
    0,
    .25,
    .5,
    .4375,
    .375,
    .3125,
    .25,
    .1875,
    .125,
    .0625,
    0,
  ]],
  [
    { type: "cosine", warmupSteps: 2 },
    [0, .25, .5, .48096988, .4267767, .34567086, .25, .15432914, .0732233, .01903012, 0],
  ],
  [
    { type: "cosine", warmupSteps: 0, kwargs: { numCycles: 1.5 } },
    [
      .5,
      .39694631,
      .17274575,
      .01223587,
      .04774575,
      .25,
      .45225425,
      .48776413,
      .32725425,
      .10305369,
      0,
    ],
  ],
  [
    { type: "cosine_with_restarts", warmupSteps: 2, kwargs: { numCycles: 2 } },
    [0, .25, .5, .4267767, .25, .0732233, .5, .4267767, .25, .0732233, 0],
  ],
  [
    { type: "polynomial", warmupSteps: 2 },
    [
      0,
      .25,
      .5,
      .43750001,
      .37500003,
      .31250004,
      .25000005,
      .18750006,
      .12500008,
      .06250009,
      1e-7,
    ],
  ],
  [
    { type: "polynomial", warmupSteps: 2, kwargs: { power: 2, lrEnd: 0.01 } },
    [0, .25, .5, .38515625, .285625, .20140625, .1325, .07890625, .040625, .01765625, .01],
  ],
  [{ type: "constant", warmupSteps: 2 }, new Array(11).fill(.5)],
  [{ type: "constant_with_warmup", warmupSteps: 2 }, [0, .25, ...new Array(9).fill(.5)]],
  [
    { type: "inverse_sqrt", warmupSteps: 3 },
    [
      0,
      .16666667,
      .33333333,
      .5,
      .4330127,
      .38729833,
      .35355339,
      .32732684,
      .30618622,
      .28867513,
      .27386128,
    ],
  ],
  [
    { type: "cosine_with_min_lr", warmupSteps: 2, kwargs: { minLr: 0.1 } },
    [0, .25, .5, .48477591, .44142136, .37653669, .3, .22346331, .15857864, .11522409, .1],
  ],
  [
    { type: "cosine_with_min_lr", warmupSteps: 2, kwargs: { minLrRate: 0.3 } },
    [0, .25, .5, .48667892, .44874369, .3919696, .325, .2580304, .20125631, .16332108, .15],
  ],
  [
    { type: "warmup_stable_decay", warmupSteps: 2, kwargs: { numDecaySteps: 4 } },
    [0, .25, .5, .5, .5, .5, .5, .4267767, .25, .0732233, 0],
  ],
  [
    {
      type: "warmup_stable_decay",
      warmupSteps: 3,
      kwargs: { numDecaySteps: 4, minLrRatio: 0.2 },
    },
    [.1, .23333333, .36666667, .5, .5, .5, .5, .44142136, .3, .15857864, .1],
  ],
  [
    {
      type: "warmup_stable_decay",
      warmupSteps: 3,
      kwargs: {
        numDecaySteps: 3,
        numStableSteps: 2,
        warmupType: "cosine",
        decayType: "linear",
        minLrRatio: 0.1,
      },
    },
    [.05, .1625, .3875, .5, .5, .5, .35, .2, .05, .05, .05],
  ],
  [
    {
      type: "warmup_stable_decay",
      warmupSteps: 3,
      kwargs: { numDecaySteps: 4, warmupType: "1-sqrt", decayType: "1-sqrt" },
    },
    [0, .09175171, .21132487, .5, .5, .5, .5, .25, .14644661, .0669873, 0],
  ],
  [
    { type: "cosine_warmup_with_min_lr", warmupSteps: 3, kwargs: { minLr: 0.1 } },
    [
      .16666667,
      .33333333,
      .5,
      .48019377,
      .42469796,
      .34450419,
      .25549581,
      .17530204,
      .11980623,
      .1,
      .11980623,
    ],
  ],
  [
    {
      type: "cosine_warmup_with_min_lr",
      warmupSteps: 3,
      kwargs: { minLrRate: 0.3, warmupLrRate: 0.2, numCycles: 1.5 },
    },
    [
      .1,
      .3,
      .5,
      .36394116,
      .16733045,
      .21588928,
      .43411072,
      .48266955,
      .28605884,
      .15,
      .28605884,
    ],
  ],
  [
    { type: "inverse_sqrt", warmupSteps: 3, kwargs: { timescale: 5 } },
    [
      0,
      .16666667,
      .33333333,
      .5,
      .45643546,
      .42257713,
      .39528471,
      .372678,
      .35355339,
      .33709993,
      .32274861,
    ],
  ],
];

Deno.test("learningRateAt() goes the way of the reference's schedules", async (t) => {
  for (const [schedule, rates] of REFERENCE) {
    const { type, kwargs } = schedule;
    await t.step(`${type} ${JSON.stringify(kwargs ?? {})}`, () => {
      const found = rates.map((_, step) =>
        learningRateAt({ ...schedule, peak: 0.5, totalSteps: 10 }, step)
      );
      assertAllClose(found, rates, { atol: 6e-9 });
    });
  }
});

Deno.test("learningRateAt() asks for the number that a schedule cannot do without", () => {
  const schedule = { type: "warmup_stable_decay", peak: 1, warmupSteps: 0, totalSteps: 9 } as const;
  assert.throws(() => learningRateAt(schedule, 1), /expected numDecaySteps among/);
});

Deno.test("warmupStepsOf() takes steps below 1 for a share", () => {
  assert.equal(warmupStepsOf({ warmupSteps: 0.25, warmupRatio: 0 }, 30), 8);
});
