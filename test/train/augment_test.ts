import assert from "node:assert/strict";
import { Random } from "../../src/random.ts";
import { augmentation, changeSpeed } from "../../src/train/augment.ts";

Deno.test("changeSpeed() shortens and lengthens by its factor", () => {
  const ramp = Float32Array.from({ length: 100 }, (_, i) => i);
  const fast = changeSpeed(ramp, 1.25);
  assert.equal(fast.length, 80);
  assert.ok(Math.abs(fast[40]! - 50) < 1e-4);
  const slow = changeSpeed(ramp, 0.5);
  assert.equal(slow.length, 200);
  assert.ok(Math.abs(slow[21]! - 10.5) < 1e-4);
  assert.equal(changeSpeed(Float32Array.of(3), 4).length, 1);
});

Deno.test("augmentation() draws speeds within its range, evenly", () => {
  const change = augmentation({ speed: 0.2 })!;
  const random = new Random(1);
  const clip = new Float32Array(1000);
  const lengths = Array.from({ length: 500 }, () => change(clip, random).length);
  assert.ok(Math.min(...lengths) >= 833 && Math.max(...lengths) <= 1250);
  assert.ok(Math.min(...lengths) < 850 && Math.max(...lengths) > 1220);
  assert.equal(augmentation({}), undefined);
});
