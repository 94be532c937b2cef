import assert from "node:assert/strict";
import { PickleTruncated, PickleTuple, unpickle } from "../../src/weights/_pickle.ts";
import { joined, pickled, u32 } from "./craft_torch.ts";

const REFUSING = {
  global: (name: string) => {
    throw new SyntaxError(`refused ${name}`);
  },
  call: () => assert.fail("called"),
  persistent: (id: unknown) => ({ id }),
};

function load(body: Uint8Array): unknown {
  return unpickle(joined(body, "."), 0, REFUSING).value;
}

Deno.test("unpickle() reads numbers, text, constants and containers", () => {
  const cases: [Uint8Array | string | number[], unknown][] = [
    [[0x80, 2, 0x4e], null],
    [[0x88], true],
    [[0x89], false],
    [[0x4b, 255], 255],
    [[0x4d, 1, 2], 513],
    ["J\x01\x00\x00\x00", 1],
    [joined("J", [0xfe, 0xff, 0xff, 0xff]), -2],
    [[0x8a, 0], 0],
    [[0x8a, 1, 0xff], -1],
    [[0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], 2n ** 64n],
    [joined("G", [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]), 1.5],
    [joined("X", u32(4), "\ufeffn"), "\ufeffn"],
    [joined([0x8c, 3], "né"), "né"],
    [")", new PickleTuple([])],
    [joined("K\x01K\x02", [0x86]), new PickleTuple([1, 2])],
    ["(K\x01K\x02t", new PickleTuple([1, 2])],
    ["](K\x01K\x02e", [1, 2]],
    ["]K\x01a", [1]],
    ["}(K\x01K\x02K\x03K\x04u", new Map([[1, 2], [3, 4]])],
    ["}K\x01K\x02s", new Map([[1, 2]])],
    ["K\x07q\x05h\x05", 7],
    [joined("K\x07r", u32(70000), "j", u32(70000)), 7],
    [joined("K\x07", [0x94], "h\x00"), 7],
    ["}}b", new Map()],
    ["K\x03Q", { id: 3 }],
  ];
  for (const [body, expected] of cases) {
    const bytes = typeof body === "string" ? joined(body) : Uint8Array.from(body);
    assert.deepEqual(load(bytes), expected, `${[...bytes]}`);
  }
});

Deno.test("unpickle() stops at the object's end and says where that is", () => {
  const bytes = joined("XXK\x01.K\x02.");
  assert.deepEqual(unpickle(bytes, 2, REFUSING), { value: 1, end: 5 });
  assert.deepEqual(unpickle(bytes, 5, REFUSING), { value: 2, end: 8 });
});

Deno.test("unpickle() refuses every opcode outside its list", () => {
  const known = [
    0x80,
    0x95,
    0x4e,
    0x88,
    0x89,
    0x4b,
    0x4d,
    0x4a,
    0x8a,
    0x47,
    0x58,
    0x8c,
    0x28,
    0x29,
  ];
  known.push(0x85, 0x86, 0x87, 0x74, 0x5d, 0x61, 0x65, 0x7d, 0x73, 0x75, 0x71, 0x72, 0x94, 0x68);
  known.push(0x6a, 0x63, 0x93, 0x51, 0x52, 0x62, 0x2e);
  for (let opcode = 0; opcode < 256; opcode++) {
    const run = () => unpickle(joined([opcode], new Uint8Array(300)), 0, REFUSING);
    const refusal = /expected an opcode of tensor data, found 0x/;
    if (!known.includes(opcode)) assert.throws(run, refusal, `0x${opcode.toString(16)}`);
    else if (opcode !== 0x95) {
      assert.throws(run, (error: Error) => !/found 0x(?!00)/.test(error.message));
    }
  }
});

Deno.test("unpickle() asks for globals by name, and calls nothing itself", () => {
  assert.throws(() => load(pickled.global("os", "system")), /refused os\.system/);
  assert.throws(() => load(pickled.global("__builtin__", "eval")), /refused builtins\.eval/);
  const stackGlobal = joined(pickled.text("posix"), pickled.text("system"), [0x93]);
  assert.throws(() => load(stackGlobal), /refused posix\.system/);
  assert.throws(() => load(joined("K\x01K\x02", [0x93])), /global's name as text/);
});

Deno.test("unpickle() refuses misused opcodes", () => {
  const cases: [string | Uint8Array, RegExp][] = [
    ["", /too few values/],
    ["(", /too few values/],
    ["t", /no mark/],
    ["K\x01a", /too few|go into a Array/],
    ["K\x01K\x01a", /go into a Array/],
    ["](K\x01K\x02u", /go into a Map/],
    ["}(K\x01u", /key without a value/],
    ["K\x01}b", /go into a Map/],
    ["h\x00", /no memo 0/],
    ["(q\x00", /too few values/],
    ["K\x01K\x01R", /arguments as a tuple/],
    [Uint8Array.of(0x80, 6), /protocol 5 or below/],
    [Uint8Array.of(0x8a, 17, ...new Uint8Array(17)), /integer of 17 bytes/],
    [joined("c", "x".repeat(300)), /endless global name/],
  ];
  for (const [body, message] of cases) {
    assert.throws(() => load(typeof body === "string" ? joined(body) : body), (error: Error) => {
      assert.ok(error instanceof SyntaxError && !(error instanceof PickleTruncated), `${body}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("unpickle() reports a stream that is cut anywhere as truncated", () => {
  const whole = pickled.whole(pickled.dictionary(pickled.text("key"), pickled.ints(1, 2)));
  const withLong = joined([0x8a, 2, 1, 1], "G", new Uint8Array(8), "ctorch\nX\n");
  for (const bytes of [whole, withLong]) {
    for (let length = 0; length < bytes.length - 1; length++) {
      const run = () => unpickle(bytes.subarray(0, length), 0, REFUSING);
      assert.throws(run, PickleTruncated, `${length}`);
    }
  }
  assert.throws(() => unpickle(joined("X", u32(2 ** 32 - 1), "abc"), 0, REFUSING), PickleTruncated);
});

Deno.test("unpickle() refuses streams that would fill memory", () => {
  const repeated = (opcode: number) => {
    const bytes = new Uint8Array(2 ** 21).fill(opcode, 1);
    bytes[0] = 0x4e;
    return () => unpickle(bytes, 0, REFUSING);
  };
  assert.throws(repeated(0x7d), /more than 262144 objects/);
  assert.throws(repeated(0x4e), /more than 1048576 values/);
  assert.throws(repeated(0x94), /more than 1048576 memos/);
});

Deno.test("unpickle() survives an object that holds itself", () => {
  const list = load(joined("]q\x00h\x00a")) as unknown[];
  assert.equal(list[0], list);
});
