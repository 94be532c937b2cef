import assert from "node:assert/strict";
import { Random } from "../../../src/random.ts";
import { betaShare, mixPairs } from "../../../src/train/batches/_mixup.ts";

Deno.test("mixPairs() mixes sound and names what is mixed in, by one share", () => {
  const clips = [Float32Array.of(1, 1), Float32Array.of(10, 10, 10), Float32Array.of(100)];
  const labels = Int32Array.of(4, 5, 6);
  const picked = { clips, labels, indices: [7, 8, 9] };
  const mixture = mixPairs(picked, 1, new Random(2));
  const { share, labels: others, indices } = mixture.mixed!;
  assert.ok(share > 0 && share < 1);
  assert.deepEqual([...mixture.labels], [4, 5, 6]);
  assert.notDeepEqual([...others!], [4, 5, 6]);
  for (const [i, clip] of mixture.clips.entries()) {
    const partner = Array.from(indices)[i]! - 7;
    assert.equal(others![i], labels[partner]);
    const length = Math.max(clips[i]!.length, clips[partner]!.length);
    assert.equal(clip.length, length);
    const wanted = share * clips[i]![0]! + (1 - share) * clips[partner]![0]!;
    assert.ok(Math.abs(clip[0]! - wanted) < 1e-4);
  }
  assert.deepEqual(clips[0], Float32Array.of(1, 1), "clips stay as they are");
});

Deno.test("mixPairs() mixes the numbers of several labels", () => {
  const clips = [Float32Array.of(0), Float32Array.of(0)];
  const labels = Float32Array.of(1, 0, 0, 1);
  for (let seed = 0; seed < 5; seed++) {
    const { labels: both, mixed } = mixPairs(
      { clips, labels, indices: [0, 1] },
      0.5,
      new Random(seed),
    );
    const kept = mixed!.indices[0] === 0 ? 1 : mixed!.share;
    const wanted = [kept, 1 - kept, 1 - kept, kept];
    both.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]!) < 1e-6));
    assert.equal(mixed!.labels, undefined);
  }
});

for (const concentration of [0.2, 1, 4]) {
  Deno.test(`betaShare() has the mean and variance of Beta(${concentration}, ${concentration})`, () => {
    const random = new Random(1);
    const draws = Array.from({ length: 20_000 }, () => betaShare(concentration, random));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
    assert.ok(Math.abs(mean - 0.5) < 0.01, `mean ${mean}`);
    const wanted = 1 / (4 * (2 * concentration + 1));
    assert.ok(Math.abs(variance - wanted) < 0.005, `variance ${variance}, expected ${wanted}`);
  });
}
