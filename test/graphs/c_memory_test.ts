import { equal, ok } from "node:assert/strict";
import { layOut, type Span } from "../../src/graphs/_c_memory.ts";
import { Random } from "../../src/random.ts";

Deno.test("layOut() gives tensors of one time places of their own, others the same one", () => {
  const spans: Span[] = [
    { id: 1, size: 10, from: 0, to: 1 },
    { id: 2, size: 4, from: 1, to: 2 },
    { id: 3, size: 10, from: 2, to: 3 },
  ];
  const { offsets, size } = layOut(spans);
  equal(offsets.get(1), offsets.get(3));
  equal(size, 14);
});

Deno.test("layOut() never puts two tensors of one time over each other", () => {
  const random = new Random(5);
  for (let round = 0; round < 100; round++) {
    const spans = Array.from({ length: 20 }, (_, id) => {
      const from = random.below(20);
      return { id, size: 1 + random.below(50), from, to: from + random.below(6) };
    });
    const { offsets, size } = layOut(spans);
    for (const a of spans) {
      ok(offsets.get(a.id)! + a.size <= size);
      for (const b of spans) {
        if (a.id === b.id || a.to < b.from || b.to < a.from) continue;
        const [from, to] = [offsets.get(a.id)!, offsets.get(b.id)!];
        ok(
          from + a.size <= to || to + b.size <= from,
          `${JSON.stringify([a, b])} in round ${round}`,
        );
      }
    }
  }
});
