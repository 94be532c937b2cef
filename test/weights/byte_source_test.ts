import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CheckpointError } from "../../src/errors.ts";
import { bytesSource, readExactly } from "../../src/weights/byte_source.ts";

const FIVE = Uint8Array.of(1, 2, 3, 4, 5);

Deno.test("bytesSource() gives ranges that the caller may change", async () => {
  for (const bytes of [FIVE.slice(), Buffer.from(FIVE), FIVE.subarray(0)]) {
    const source = bytesSource("five.bin", bytes);
    assert.deepEqual([source.name, source.sizeBytes], ["five.bin", 5]);
    const range = await source.read(1, 4);
    assert.deepEqual([...range], [2, 3, 4]);
    range.fill(0);
    assert.deepEqual([...bytes], [1, 2, 3, 4, 5]);
  }
});

Deno.test("readExactly() reads whole ranges, the empty ones and the last too", async () => {
  const source = bytesSource("five.bin", FIVE);
  assert.deepEqual(await readExactly(source, 0, 5), FIVE);
  assert.deepEqual(await readExactly(source, 4, 5), Uint8Array.of(5));
  assert.deepEqual(await readExactly(source, 5, 5), new Uint8Array(0));
});

Deno.test("readExactly() refuses a range outside the file without asking for it", async () => {
  const source = { name: "x", sizeBytes: 5, read: () => assert.fail("asked") };
  for (const [start, end] of [[0, 6], [-1, 2], [3, 2], [6, 6], [0, 2 ** 60], [NaN, 5]] as const) {
    await assert.rejects(readExactly(source, start, end), (error: unknown) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.file, "x");
      assert.match(error.message, /found 5 bytes in all/);
      return true;
    });
  }
});

Deno.test("readExactly() refuses more or fewer bytes than it asked for", async () => {
  for (const size of [0, 2, 4]) {
    const source = { name: "x", sizeBytes: 5, read: () => Promise.resolve(new Uint8Array(size)) };
    await assert.rejects(readExactly(source, 0, 3), {
      name: "CheckpointError",
      message: `Cannot read "x": expected bytes 0 to 3, found ${size} of them`,
    });
  }
});

Deno.test("readExactly() lets a source's own failure through", async () => {
  const failure = new RangeError("the disk is gone");
  const source = { name: "x", sizeBytes: 5, read: () => Promise.reject(failure) };
  await assert.rejects(readExactly(source, 0, 3), failure);
});
