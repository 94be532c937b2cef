import { deepEqual, equal } from "node:assert/strict";
import { KeptRows } from "../../src/features/kept_rows.ts";

Deno.test("KeptRows() keeps copies until they are forgotten, and no others", () => {
  const kept = new KeptRows();
  const row = Float32Array.of(1, 2);
  kept.set(320, row);
  row.fill(0);
  kept.set(640, Float32Array.of(3, 4));
  deepEqual(kept.get(320), Float32Array.of(1, 2));
  equal(kept.get(480), undefined);
  kept.forgetBefore(640);
  equal(kept.size, 1);
  equal(kept.get(320), undefined);
  deepEqual(kept.get(640), Float32Array.of(3, 4));
});

Deno.test("KeptRows() writes new rows where forgotten ones were, not where kept ones are", () => {
  const kept = new KeptRows();
  kept.set(0, Float32Array.of(1));
  kept.set(1, Float32Array.of(2));
  const first = kept.get(0);
  kept.forgetBefore(1);
  kept.set(2, Float32Array.of(3));
  equal(kept.get(2), first);
  deepEqual([kept.get(1), kept.get(2)], [Float32Array.of(2), Float32Array.of(3)]);
});
