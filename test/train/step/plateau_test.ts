import { assertAllClose } from "../../compare.ts";
import type { SchedulerKwargs } from "../../../src/train/options/arguments.ts";
import { plateauRate } from "../../../src/train/step/plateau.ts";

/** What 18 evaluations came to. */
const METRICS = [
  1,
  .9,
  .95,
  .91,
  .8999,
  .92,
  .93,
  .5,
  .5,
  .5,
  .5,
  .5,
  .6,
  .7,
  .4,
  .45,
  .46,
  .47,
] as const;

/** Rates of PyTorch 2.13's `ReduceLROnPlateau` after each of them, from 0.5. */
const REFERENCE: [SchedulerKwargs, readonly number[]][] = [
  [{ patience: 2 }, [...at(.5, 10), ...at(.05, 3), ...at(.005, 4), .0005]],
  [
    { patience: 1, factor: 0.5, cooldown: 2, minLr: 0.1 },
    [...at(.5, 3), ...at(.25, 6), ...at(.125, 4), ...at(.1, 5)],
  ],
  [
    { patience: 1, mode: "max", threshold: 0.05, thresholdMode: "abs", factor: 0.3, eps: 0.02 },
    [.5, .5, .15, .15, .045, .045, ...at(.0135, 12)],
  ],
  [
    { patience: 0, mode: "max", threshold: 0.1, factor: 0.5 },
    METRICS.map((_, n) => .5 ** (n + 1)),
  ],
  [
    { patience: 0, threshold: 0.05, thresholdMode: "abs", factor: 0.5 },
    [1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 12, 13, 14, 15].map((n) => .5 ** n),
  ],
];

function at(rate: number, evaluations: number): number[] {
  return new Array(evaluations).fill(rate);
}

Deno.test("plateauRate() falls where PyTorch's rate does", async (t) => {
  for (const [kwargs, rates] of REFERENCE) {
    await t.step(JSON.stringify(kwargs), () => {
      const found = METRICS.map((_, n) => plateauRate(0.5, METRICS.slice(0, n + 1), kwargs));
      assertAllClose(found, rates, { atol: 1e-9 });
    });
  }
});
