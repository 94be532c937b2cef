import { deepEqual, equal, rejects } from "node:assert/strict";
import { readBounded } from "../../src/classify/bounded_stream.ts";

/** A stream of chunks that keeps count of how many were asked for, and whether it was let go. */
function chunked(sizes: readonly number[]) {
  const seen = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = sizes[seen.pulled];
      if (size === undefined) return controller.close();
      controller.enqueue(new Uint8Array(size).fill(++seen.pulled));
    },
    cancel() {
      seen.cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { stream, seen };
}

Deno.test("readBounded() joins the chunks in order, up to the very limit", async () => {
  deepEqual(await readBounded(chunked([2, 1, 0, 2]).stream, 5), Uint8Array.of(1, 1, 2, 4, 4));
  deepEqual(await readBounded(chunked([3]).stream, 3), Uint8Array.of(1, 1, 1));
  deepEqual(await readBounded(null, 5), new Uint8Array(0));
});

Deno.test("readBounded() lets go of a stream that is too long", async () => {
  const { stream, seen } = chunked([3, 3, 3, 3]);
  equal(await readBounded(stream, 5), undefined);
  deepEqual(seen, { pulled: 2, cancelled: true });
});

Deno.test("readBounded() passes on what the stream fails with", async () => {
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new RangeError("cut off")),
  });
  await rejects(readBounded(stream, 5), { name: "RangeError", message: "cut off" });
});
