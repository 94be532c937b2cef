import assert from "node:assert/strict";
import { locateZipData, readZipDirectory } from "../../src/weights/zip.ts";
import { CheckpointError } from "../../src/errors.ts";
import { bytesSource } from "../../src/weights/byte_source.ts";
import { craftZip, joined, u16, u32 } from "./craft_torch.ts";

const DATA = Uint8Array.of(1, 2, 3);

async function contents(bytes: Uint8Array): Promise<Record<string, number[]>> {
  const source = bytesSource("x.bin", bytes);
  const found: Record<string, number[]> = {};
  for (const entry of (await readZipDirectory(source)).values()) {
    const start = await locateZipData(source, entry);
    found[entry.name] = [...bytes.subarray(start, start + entry.sizeBytes)];
  }
  return found;
}

async function refused(bytes: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(contents(bytes), (error: unknown) => {
    assert.ok(error instanceof CheckpointError, `${error}`);
    assert.match(error.message, message);
    assert.equal(error.file, "x.bin");
    return true;
  });
}

/** A 64-bit little-endian number. */
function u64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

/** The archive of one entry `a` in the 64-bit form, as torch writes it. */
function craftZip64(
  end: { count?: number; start?: number; record?: number; signature?: number } = {},
): Uint8Array {
  const local = craftZip([["a", DATA]]).subarray(0, 30 + 1 + DATA.length);
  const far = 0xffffffff;
  const extra = joined(u16(9), u16(8), u64(7), u16(1), u16(24), u64(3), u64(3), u64(0));
  const versions = [u32(0x02014b50), u16(45), u16(45), u16(0x0808), u16(0), u16(0), u16(0), u32(0)];
  const fields = [u32(far), u32(far), u16(1), u16(extra.length), u16(0), u16(0), u16(0), u32(0)];
  const directory = joined(...versions, ...fields, u32(far), "a", extra);
  const versionsAndDisks = [u16(45), u16(45), u32(0), u32(0)];
  const place = [
    u64(end.count ?? 1),
    u64(1),
    u64(directory.length),
    u64(end.start ?? local.length),
  ];
  // The count of this disk comes before the count of all.
  const [count, ...rest] = place;
  const end64 = joined(
    u32(end.signature ?? 0x06064b50),
    u64(44),
    ...versionsAndDisks,
    count!,
    count!,
    ...rest.slice(1),
  );
  const locator = joined(
    u32(0x07064b50),
    u32(0),
    u64(end.record ?? local.length + directory.length),
    u32(1),
  );
  const short = joined(u32(0x06054b50), u16(0), u16(0), u16(1), u16(1));
  const shortPlace = joined(u32(directory.length), u32(local.length), u16(0));
  return joined(local, directory, end64, locator, short, shortPlace);
}

Deno.test("readZipDirectory() finds stored entries, in the order of their bytes", async () => {
  const bytes = craftZip([["a/b", DATA], ["empty", new Uint8Array(0)]], { comment: "note" });
  assert.deepEqual(await contents(bytes), { "a/b": [1, 2, 3], empty: [] });
  assert.deepEqual(await contents(craftZip([])), {});
  const backwards = craftZip([["a", DATA], ["b", DATA]], { reversed: true });
  assert.deepEqual(Object.keys(await contents(backwards)), ["a", "b"]);
  const decoy = `PK\x05\x06${"\0".repeat(18)}xx`; // an end record in the comment
  assert.deepEqual(await contents(craftZip([["a", DATA]], { comment: decoy })), { a: [1, 2, 3] });
});

Deno.test("readZipDirectory() reads the 64-bit form, whose two ends must agree", async () => {
  assert.deepEqual(await contents(craftZip64()), { a: [1, 2, 3] });
  await refused(craftZip64({ count: 2 }), /two that disagree/);
  await refused(craftZip64({ start: 0 }), /two that disagree/);
  await refused(craftZip64({ signature: 7 }), /expected a 64-bit end record at byte/);
  await refused(craftZip64({ record: 2 ** 40 }), /64-bit end record in the file, found it at/);
});

Deno.test("readZipDirectory() refuses compression and encryption", async () => {
  await refused(
    craftZip([["a", DATA, { method: 8 }]]),
    /at "a": expected data without compression/,
  );
  await refused(
    craftZip([["a", DATA, { sizeBytes: 2 ** 31, storedBytes: 3 }]]),
    /2147483648 bytes/,
  );
  await refused(craftZip([["a", DATA, { sizeBytes: 2, storedBytes: 3 }]]), /3 for 2 bytes/);
  await refused(craftZip([["a", DATA, { flags: 1 }]]), /without encryption/);
  await refused(craftZip([["a", DATA, { localMethod: 8 }]]), /expected 3 stored bytes/);
});

Deno.test("readZipDirectory() refuses entries that overlap, repeat or leave the file", async () => {
  const two = (lies: { start?: number; sizeBytes?: number }) =>
    craftZip([["a", DATA], ["b", DATA, lies]]);
  await refused(two({ start: 0 }), /within 0 to 0/);
  await refused(two({ start: 2 ** 31 }), /expected 3 bytes within/);
  await refused(two({ sizeBytes: 1000 }), /expected 1000 bytes within/);
  await refused(craftZip([["a", DATA], ["a", DATA]]), /names used once/);
  await refused(craftZip([["a", DATA, { localExtraBytes: 5 }]]), /expected 3 stored bytes/);
  await refused(craftZip([["a", DATA, { localSignature: 7 }]]), /expected 3 stored bytes/);
});

Deno.test("readZipDirectory() refuses a directory that is not where the file says", async () => {
  const entries = [["a", DATA]] as const;
  await refused(new Uint8Array(0), /found none/);
  await refused(new Uint8Array(100_000), /found none/);
  await refused(craftZip(entries, { count: 2 }), /expected 2 entries, found 1/);
  await refused(craftZip(entries, { start: 2 ** 31 }), /expected a directory in the file/);
  await refused(craftZip(entries, { sizeBytes: 2 ** 30 }), /expected a directory in the file/);
  await refused(craftZip(entries, { start: 3 }), /expected a directory entry at byte 3/);
  await refused(craftZip(entries, { sizeBytes: 20 }), /expected a directory entry/);
  await refused(craftZip(entries, { sizeBytes: 46 }), /expected a whole directory/);
  await refused(joined("junk", craftZip(entries)), /expected a directory entry/);
});

Deno.test("readZipDirectory() refuses an archive that is cut anywhere", async () => {
  for (const bytes of [craftZip([["a", DATA], ["b", DATA]]), craftZip64()]) {
    for (let length = 0; length < bytes.length; length++) {
      await refused(bytes.subarray(0, length), /zip file|expected bytes/);
    }
  }
});

Deno.test("readZipDirectory() refuses a huge directory without reading it", async () => {
  const end = craftZip([], { sizeBytes: 2 ** 25, start: 0 });
  const source = {
    name: "x.bin",
    sizeBytes: 2 ** 30,
    read(from: number, to: number) {
      assert.equal(to, 2 ** 30);
      const tail = new Uint8Array(to - from);
      tail.set(end, tail.length - end.length);
      return Promise.resolve(tail);
    },
  };
  await assert.rejects(readZipDirectory(source), /in the file, found 33554432 bytes at 0/);
});
