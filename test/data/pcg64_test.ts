/**
 * The generator against NumPy 2.4: `r = default_rng(seed)`, then `r.integers(0, 2**32 - 1)` three
 * times, `r.integers(0, 10)` five times, `r.permutation(8)`, `r.choice(9, 4, replace=False)`.
 *
 * @module
 */

import { deepEqual, equal } from "node:assert/strict";
import { Pcg64 } from "../../src/data/_pcg64.ts";

const DRAWS: [seed: number, wide: number[], small: number[], order: number[], choice: number[]][] =
  [
    [0, [3653403230, 2735729614, 2195314464], [2, 3, 0, 0, 0], [6, 2, 7, 4, 5, 1, 0, 3], [
      1,
      0,
      7,
      5,
    ]],
    [42, [383329927, 3324115916, 2811363264], [4, 4, 8, 0, 6], [2, 6, 0, 7, 1, 4, 5, 3], [
      4,
      3,
      0,
      6,
    ]],
    [
      2 ** 32 - 1,
      [819527070, 1082089384, 3110619137],
      [2, 9, 2, 2, 6],
      [1, 4, 0, 5, 7, 6, 3, 2],
      [2, 5, 8, 6],
    ],
    [
      2 ** 32,
      [2242647588, 3821399009, 4264680395],
      [5, 3, 8, 2, 9],
      [6, 4, 5, 0, 1, 7, 3, 2],
      [6, 8, 7, 4],
    ],
    [
      2 ** 53 - 1,
      [265226388, 3376995803, 3554191504],
      [6, 8, 5, 7, 1],
      [2, 7, 1, 4, 0, 6, 3, 5],
      [7, 4, 6, 2],
    ],
  ];

for (const [seed, wide, small, order, choice] of DRAWS) {
  Deno.test(`Pcg64 draws as NumPy's default_rng(${seed})`, () => {
    const random = new Pcg64(seed);
    deepEqual(wide.map(() => random.below(2 ** 32 - 1)), wide);
    deepEqual(small.map(() => random.below(10)), small);
    const shuffled = order.map((_, i) => i);
    random.shuffle(shuffled);
    deepEqual(shuffled, order);
    deepEqual(random.choose(9, 4), choice);
  });
}

Deno.test("Pcg64 draws nothing where there is no choice", () => {
  const [idle, fresh] = [new Pcg64(7), new Pcg64(7)];
  equal(idle.below(1), 0);
  idle.shuffle([5]);
  deepEqual(idle.choose(3, 0), []);
  equal(idle.below(1_000_000), fresh.below(1_000_000));
});

Deno.test("Pcg64 is uniform below a limit that does not divide 2^32", () => {
  const random = new Pcg64(1);
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[random.below(3 * 2 ** 30) % 3]!++;
  for (const count of counts) equal(Math.abs(count - 10_000) < 400, true, `counts ${counts}`);
});
