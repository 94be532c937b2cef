/**
 * Random streams that are named by numbers.
 *
 * @module
 */

import { deepEqual, equal } from "node:assert/strict";
import { seededRandom } from "../../src/data/random.ts";
import { Random } from "../../src/random.ts";

Deno.test("seededRandom() gives each seed, epoch and clip a stream of its own", () => {
  const firsts = new Set<number>();
  for (let seed = 0; seed < 10; seed++) {
    for (let epoch = 0; epoch < 10; epoch++) {
      for (let clip = 0; clip < 10; clip++) firsts.add(seededRandom(seed, epoch, clip).uint32());
    }
  }
  equal(firsts.size, 1_000);
});

Deno.test("seededRandom() is uniform across neighbouring clips", () => {
  let [sum, steps] = [0, 0];
  let before = 0;
  for (let clip = 0; clip < 10_000; clip++) {
    const value = seededRandom(42, 0, clip).uniform();
    sum += value;
    if (value > before) steps++;
    before = value;
  }
  equal(Math.abs(sum / 10_000 - 0.5) < 0.02, true, `mean ${sum / 10_000}`);
  equal(Math.abs(steps / 10_000 - 0.5) < 0.03, true, `rising ${steps / 10_000}`);
});

Deno.test("seededRandom() goes on where its saved state stopped", () => {
  const random = seededRandom(7, 1);
  random.uniform();
  const saved = JSON.parse(JSON.stringify(random.state));
  const rest = [random.uniform(), random.uniform()];
  const resumed = new Random(saved);
  deepEqual([resumed.uniform(), resumed.uniform()], rest);
});
