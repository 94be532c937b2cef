/**
 * What a Parquet file may cost: pages that state too much are refused before they are unpacked, loops end, and what is
 * broken is broken once.
 *
 * @module
 */
import type { CompressionCodec } from "hyparquet";
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { ChunkCache } from "../../src/data/_chunk_cache.ts";
import { type DataFile, openBytes } from "../../src/data/_data_files.ts";
import { parquetTable } from "../../src/data/_parquet.ts";
import type { Table } from "../../src/data/_table.ts";
import { unpack } from "../../src/data/_unpack.ts";
import { fixed32, joined, varint } from "../docs/parquet_file.ts";
import {
  type Codec,
  CODECS,
  type CraftedColumn,
  type CraftedPage,
  craftParquet,
  deltas,
  levels,
  plainTexts,
  runs,
} from "./craft_parquet.ts";

/** A file in memory, and how often it was opened. */
function fileOf(bytes: Uint8Array): DataFile & { opened: number } {
  const file = {
    ...{ path: "a.parquet", name: "a.parquet", sizeBytes: bytes.length, opened: 0 },
    open: () => {
      file.opened++;
      return Promise.resolve(openBytes("a.parquet", bytes));
    },
    sibling: () => Promise.reject(new RangeError("no other file")),
  };
  return file;
}

function tableOf(bytes: Uint8Array): Promise<Table> {
  return parquetTable(fileOf(bytes), new ChunkCache(2 ** 20));
}

async function columnOf(column: CraftedColumn, rows: number): Promise<unknown[]> {
  const table = await tableOf(craftParquet([column], rows));
  const found = await table.read(Array.from({ length: rows }, (_, i) => i), [column.name]);
  return found.map((row) => row[column.name]);
}

function refusal(reason: RegExp) {
  const start =
    'Cannot read data "a\\.parquet": expected Parquet, found a file that breaks its rules';
  return {
    name: /^(DatasetError|FileError)$/,
    message: new RegExp(`^${start} \\(.*${reason.source}.*\\)$`),
  };
}

const NUMBERS = [3, 1, 4, 1, 5];

function doubles(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}

function int64s(values: readonly number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}

/** A page of plain whole numbers, with what a test changes. */
function numbersPage(change: Partial<CraftedPage> = {}): CraftedPage {
  return { values: NUMBERS.length, encoding: "plain", body: int64s(NUMBERS), ...change };
}

function numbersColumn(page: CraftedPage, more: Partial<CraftedColumn> = {}): CraftedColumn {
  return { name: "n", type: "int64", pages: [page], ...more };
}

for (const codec of Object.keys(CODECS) as Codec[]) {
  Deno.test(`parquetTable() reads pages in ${codec}`, async () => {
    deepEqual(await columnOf(numbersColumn(numbersPage(), { codec }), 5), NUMBERS);
  });

  Deno.test(`parquetTable() refuses pages in ${codec} of another size than stated`, async () => {
    for (const unpackedBytes of [39, 41]) {
      const page = numbersPage({ unpackedBytes });
      const reason = codec === "none" ? RegExp(`of 40 bytes, stated as ${unpackedBytes}`) : /./;
      await rejects(columnOf(numbersColumn(page, { codec }), 5), refusal(reason));
    }
  });
}

Deno.test("parquetTable() reads every encoding", async () => {
  const texts = ["b", "a", "b", "b", "ab"];
  const indices = joined([Uint8Array.of(2), runs([0, 1, 0, 0, 2], 2)]);
  const dictionary = { values: 3, encoding: "plain", body: plainTexts(["b", "a", "ab"]) } as const;
  const bytesOf = (words: string[]) => new TextEncoder().encode(words.join(""));
  const asText = (values: unknown[]) =>
    values.map((value) => new TextDecoder().decode(value as Uint8Array));
  const split = doubles(NUMBERS);
  const columns: [CraftedColumn, unknown[]][] = [
    [numbersColumn(numbersPage({ encoding: "deltas", body: deltas(NUMBERS) })), NUMBERS],
    [
      numbersColumn(
        numbersPage({
          encoding: "split",
          body: Uint8Array.from(split, (_, i) => split[i % 5 * 8 + Math.floor(i / 5)]!),
        }),
        { type: "double" },
      ),
      NUMBERS,
    ],
    [
      numbersColumn(
        numbersPage({ encoding: "runs", body: levels([1, 0, 0, 1, 1], 1) }),
        { type: "bool" },
      ),
      [true, false, false, true, true],
    ],
  ];
  for (const [column, expected] of columns) deepEqual(await columnOf(column, 5), expected);
  const pages: CraftedPage[][] = [
    [{ ...dictionary, isDictionary: true }, numbersPage({ encoding: "dictionary", body: indices })],
    [numbersPage({ encoding: "lengths", body: joined([deltas([1, 1, 1, 1, 2]), bytesOf(texts)]) })],
    [numbersPage({
      encoding: "prefixes",
      body: joined([deltas([0, 0, 0, 1, 0]), deltas([1, 1, 1, 0, 2]), bytesOf(["bab", "ab"])]),
    })],
  ];
  for (const page of pages) {
    const column: CraftedColumn = { name: "t", type: "bytes", pages: page };
    deepEqual(asText(await columnOf(column, 5)), texts);
  }
});

Deno.test("parquetTable() reads missing values and lists", async () => {
  const body = joined([levels([1, 0, 1, 1, 0], 1), int64s([7, 8, 9])]);
  const optional = numbersColumn(numbersPage({ body }), { kind: "optional" });
  deepEqual(await columnOf(optional, 5), [7, null, 8, 9, null]);
  const nested = joined([levels([0, 1, 0, 0, 1], 1), levels([2, 2, 1, 2, 2], 2), int64s(NUMBERS)]);
  const list = numbersColumn(numbersPage({ body: nested }), { kind: "list" });
  deepEqual(await columnOf(list, 3), [[3, 1], [], [4, 1]]);
});

for (const codec of ["none", "zstd"] as const) {
  Deno.test(`parquetTable() reads pages of the second kind in ${codec}`, async () => {
    const second = { repetition: new Uint8Array(), definition: runs([1, 0, 1, 1, 0], 1) };
    const optional = numbersPage({
      body: int64s([7, 8, 9]),
      second: { ...second, nulls: 2, rows: 5 },
    });
    const column = numbersColumn(optional, { kind: "optional", codec });
    deepEqual(await columnOf(column, 5), [7, null, 8, 9, null]);
    const list = numbersPage({
      body: int64s([3, 1, 4, 1]),
      second: {
        repetition: runs([0, 1, 0, 0, 1], 1),
        definition: runs([2, 2, 1, 2, 2], 2),
        ...{ nulls: 1, rows: 3 },
      },
    });
    const nested = numbersColumn(list, { kind: "list", codec });
    deepEqual(await columnOf(nested, 3), [[3, 1], [], [4, 1]]);
  });
}

Deno.test("parquetTable() refuses levels of the second kind that go beyond their page", async () => {
  const second = { repetition: new Uint8Array(), nulls: 2, rows: 5 };
  const endless = joined([varint(2 ** 31 - 2), Uint8Array.of(1)]);
  const page = numbersPage({
    body: int64s([7, 8, 9]),
    second: { ...second, definition: endless },
  });
  const column = numbersColumn(page, { kind: "optional" });
  await rejects(columnOf(column, 5), refusal(/a run beyond the end of its page/));
  const long = numbersPage({
    body: int64s([7]),
    second: { ...second, definition: runs([1, 0, 1, 1, 0], 1), nulls: 6 },
  });
  const refused = refusal(/a page whose levels are longer than itself/);
  await rejects(columnOf(numbersColumn(long, { kind: "optional" }), 5), refused);
});

Deno.test("parquetTable() refuses a page that unpacks to too much, before it does", async () => {
  const page = numbersPage({ unpackedBytes: 2 ** 30 });
  const column = numbersColumn(page, { codec: "gzip" });
  await rejects(columnOf(column, 5), refusal(/a page of \d+ bytes that unpacks to 1073741824/));
});

Deno.test("parquetTable() refuses pages that together unpack to too much", async () => {
  const body = new Uint8Array(2 ** 23);
  const page = { values: 2 ** 20 / 8, encoding: "plain", body } as const;
  const pages = Array.from({ length: 9 }, () => page);
  const column: CraftedColumn = { name: "n", type: "int64", codec: "zstd", pages };
  await rejects(columnOf(column, 5), refusal(/unpacks to 8388608/));
});

Deno.test("parquetTable() refuses pages whose sizes lie", async () => {
  const lies: [Partial<CraftedPage>, RegExp][] = [
    [{ packedBytes: 2 ** 31 - 1 }, /a page of 2147483647 bytes, where \d+ are left/],
    // As the format writes them, positive numbers are even and -20 is 39.
    [{ packedBytes: 39 / 2 }, /a page of -20 bytes/],
    [{ values: 2 ** 31 - 1 }, /a page of 2147483647 values/],
    [{ values: 6 }, /a page of 6 values in 40 bytes/],
  ];
  for (const [lie, reason] of lies) {
    await rejects(columnOf(numbersColumn(numbersPage(lie), { values: 5 }), 5), refusal(reason));
  }
});

Deno.test("parquetTable() refuses runs and differences that go beyond their page", async () => {
  const endless = varint(2 ** 31 - 2);
  const indices = joined([Uint8Array.of(2), endless, Uint8Array.of(1)]);
  const long = new Uint8Array(100_000).fill(128);
  long.fill(0, 90_000);
  const faults: [CraftedPage, RegExp, CraftedColumn["kind"]?][] = [
    [numbersPage({ encoding: "dictionary", body: indices }), /a run beyond the end of its page/],
    [
      numbersPage({ body: joined([fixed32(6), endless, Uint8Array.of(1), int64s(NUMBERS)]) }),
      /a run beyond the end of its page/,
      "optional",
    ],
    [
      numbersPage({ encoding: "deltas", body: joined([varint(128), varint(4), long]) }),
      /a number that does not end/,
    ],
    [
      numbersPage({ encoding: "deltas", body: joined([varint(2 ** 30), varint(2 ** 25), long]) }),
      /blocks of 1073741824 differences in 33554432 parts/,
    ],
  ];
  for (const [page, reason, kind] of faults) {
    await rejects(columnOf(numbersColumn(page, { kind }), 5), refusal(reason));
  }
});

Deno.test("parquetTable() refuses texts that repeat the one before without end", async () => {
  const lengths = Array.from({ length: 100 }, () => 2 ** 20);
  const body = joined([deltas([0, ...lengths.slice(1)]), deltas([...lengths])]);
  const page = numbersPage({ values: 100, encoding: "prefixes", body });
  const column: CraftedColumn = { name: "t", type: "bytes", pages: [page] };
  await rejects(
    columnOf(column, 100),
    refusal(/texts that are longer together than a page may be/),
  );
});

Deno.test("parquetTable() refuses footers that claim what cannot be", async () => {
  const whole = craftParquet([numbersColumn(numbersPage(), { values: 2 ** 31 })], 2 ** 31);
  await rejects(tableOf(whole), refusal(/2147483648 values of n in \d+ bytes, 2147483648 rows/));
  const short = craftParquet([numbersColumn(numbersPage(), { values: 4 })], 5);
  await rejects(tableOf(short), refusal(/4 values of n in \d+ bytes, 5 rows/));
  const cut = craftParquet([numbersColumn(numbersPage())], 5).slice(30);
  await rejects(tableOf(cut), refusal(/column n outside of the file/));
});

Deno.test("a broken run of rows is taken apart once, however many rows are asked for", async () => {
  const bytes = craftParquet([numbersColumn(numbersPage({ unpackedBytes: 41 }))], 5);
  const file = fileOf(bytes);
  const table = await parquetTable(file, new ChunkCache(2 ** 20));
  const before = file.opened;
  for (let row = 0; row < 5; row++) await rejects(table.read([row], ["n"]), refusal(/41/));
  equal(file.opened, before + 1);
});

Deno.test("unpack() reads copies of every kind in Snappy and LZ4", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  // "abcd", then copies of four letters: by one, two and four bytes of distance.
  const copies = [0b000_000_01, 4, 0b000011_10, 4, 0, 0b000011_11, 4, 0, 0, 0];
  const snappy = Uint8Array.of(16, 3 << 2, 97, 98, 99, 100, ...copies);
  equal(text(unpack("SNAPPY", snappy, 16)), "abcdabcdabcdabcd");
  const overlapping = Uint8Array.of(9, 0, 97, 7 << 2 | 2, 1, 0);
  equal(text(unpack("SNAPPY", overlapping, 9)), "a".repeat(9));
  const lz4 = Uint8Array.of(0x44, 97, 98, 99, 100, 4, 0, 0x10, 101);
  equal(text(unpack("LZ4_RAW", lz4, 13)), "abcdabcdabcde");
  const framed = Uint8Array.of(0, 0, 0, 13, 0, 0, 0, lz4.length, ...lz4);
  equal(text(unpack("LZ4", framed, 13)), "abcdabcdabcde");
});

Deno.test("unpack() refuses lengths and distances that lead elsewhere", () => {
  const faults: [CompressionCodec, number[]][] = [
    // A literal of 2 ** 32 - 99 bytes, which 32 bits take for a step back.
    ["SNAPPY", [16, 63 << 2, 156, 255, 255, 255, ...new Array(20).fill(0)]],
    ["SNAPPY", [16, 3 << 2, 97, 98, 99, 100, 0b000_000_01, 5]],
    ["SNAPPY", [16, 3 << 2, 97, 98, 99, 100, 0b000_000_01, 0]],
    ["SNAPPY", [16, 3 << 2, 97]],
    ["SNAPPY", [255, 255]],
    ["LZ4_RAW", [0x44, 97, 98, 99, 100, 9, 0]],
    ["LZ4_RAW", [0xf0, ...new Array(20).fill(255)]],
    ["LZO", []],
  ];
  for (const [codec, bytes] of faults) {
    throws(() => unpack(codec, Uint8Array.from(bytes), 16), SyntaxError, `${codec} ${bytes}`);
  }
});
