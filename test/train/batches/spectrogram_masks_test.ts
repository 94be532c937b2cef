import assert from "node:assert/strict";
import { Random } from "../../../src/random.ts";
import { maskSpectrograms } from "../../../src/train/batches/_spectrogram_masks.ts";

const [FRAMES, BANDS] = [20, 10];

/** Two clips whose numbers all differ, the second of which ends after half of its frames. */
function batch() {
  const inputs = Float32Array.from({ length: 2 * FRAMES * BANDS }, (_, i) => i);
  return { inputs, shape: [2, FRAMES, BANDS], lengths: Int32Array.of(FRAMES, FRAMES / 2) };
}

Deno.test("maskSpectrograms() blots out whole frames and bands, by the mean, within its shares", () => {
  const frames = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const masked = batch();
    maskSpectrograms(masked, { timeShare: 0.3, bandShare: 0 }, new Random(seed));
    const [mean] = [(FRAMES * BANDS - 1) / 2];
    const whole = Array.from({ length: FRAMES }, (_, frame) => {
      const row = [...masked.inputs.subarray(frame * BANDS, (frame + 1) * BANDS)];
      const changed = row.filter((value, band) => value !== frame * BANDS + band);
      assert.ok(changed.length === 0 || changed.length === BANDS);
      changed.forEach((value) => assert.ok(Math.abs(value - mean) < 1e-3));
      return changed.length > 0;
    });
    const count = whole.filter(Boolean).length;
    assert.ok(count <= 12, `${count} frames`);
    frames.add(count);
  }
  assert.ok(frames.size > 5);
});

Deno.test("maskSpectrograms() leaves padding alone", () => {
  const masked = batch();
  maskSpectrograms(masked, { timeShare: 1, bandShare: 0.9 }, new Random(1));
  const padding = masked.inputs.subarray(1.5 * FRAMES * BANDS);
  assert.deepEqual(padding, batch().inputs.subarray(1.5 * FRAMES * BANDS));
  assert.notDeepEqual(masked.inputs, batch().inputs);
});
