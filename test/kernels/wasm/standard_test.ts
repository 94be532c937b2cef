import { deepEqual, equal, throws } from "node:assert/strict";
import {
  add,
  cast,
  clone,
  concat,
  type DataType,
  engine,
  fill,
  reshape,
  slice,
  type Tensor,
  tensor,
  tensor1d,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { padFrames } from "../../../src/kernels.ts";
import type { WasmBackend } from "../../../src/kernels/wasm/_backend.ts";
import { startWasm } from "../../../src/kernels/wasm/mod.ts";

/** A test on one thread; what it leaves behind goes with the device. */
function standardTest(name: string, body: () => void): void {
  Deno.test(name, async () => {
    const device = await startWasm();
    try {
      body();
    } finally {
      device.dispose();
    }
  });
}

function assertTensor(x: Tensor, shape: number[], values: number[], dtype: DataType): void {
  deepEqual({ shape: x.shape, dtype: x.dtype }, { shape, dtype });
  deepEqual([...x.dataSync()], values);
}

standardTest("clone() and reshape() share the data and outlive the original", () => {
  const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  const [same, other] = [clone(x), reshape(x, [3, -1])];
  x.dispose();
  assertTensor(same, [2, 3], [1, 2, 3, 4, 5, 6], "float32");
  same.dispose();
  assertTensor(other, [3, 2], [1, 2, 3, 4, 5, 6], "float32");
});

const NUMBERS = [-2.7, -0.5, 0, 0.5, 1, 300.9];
const CASTS: [DataType, DataType, number[]][] = [
  ["float32", "int32", [-2, 0, 0, 0, 1, 300]],
  ["float32", "bool", [1, 1, 0, 1, 1, 1]],
  ["int32", "float32", [-2, 0, 0, 0, 1, 300]],
  ["int32", "bool", [1, 0, 0, 0, 1, 1]],
  ["bool", "float32", [1, 1, 0, 1, 1, 1]],
  ["bool", "int32", [1, 1, 0, 1, 1, 1]],
];

for (const [from, to, expected] of CASTS) {
  standardTest(`cast() turns ${from} into ${to}`, () => {
    const numbers = from === "bool" ? NUMBERS.map((value) => value === 0 ? 0 : 1) : NUMBERS;
    const x = tensor1d(from === "int32" ? Int32Array.from(numbers) : numbers, from);
    assertTensor(cast(x, to), [6], expected, to);
  });
}

standardTest("add() sums tensors of one shape and refuses others", () => {
  const [x, row] = [tensor([1, 2, 3, 4, 5, 6], [2, 3]), tensor1d([1, 2, 3])];
  assertTensor(add(x, x), [2, 3], [2, 4, 6, 8, 10, 12], "float32");
  throws(() => add(x, row), { name: "UnsupportedOpError", message: /\[2,3\] and \[3\]/ });
});

standardTest("add() refuses whole numbers, which its kernel would read as floats", () => {
  const x = tensor1d([1, 2], "int32");
  throws(() => add(x, x), { name: "TypeError", message: /expected a float32 .* found int32/ });
});

standardTest("fill() and zerosLike() write every element", () => {
  assertTensor(fill([2, 3], 1.5), [2, 3], Array(6).fill(1.5), "float32");
  assertTensor(fill([3], 7, "int32"), [3], [7, 7, 7], "int32");
  assertTensor(zerosLike(tensor1d([1, 2, 3], "int32")), [3], [0, 0, 0], "int32");
});

standardTest("a tensor without elements is allowed", () => {
  const x = tensor([], [0, 3]);
  equal(add(x, x).size, 0);
});

standardTest("padFrames() shares the data where nothing is added or left out", () => {
  const x = tensor([1, 2], [1, 2, 1]);
  const usedBytes = () => (engine().backend as WasmBackend).memoryUse().usedBytes;
  const before = usedBytes();
  const same = padFrames(x, {});
  equal(usedBytes(), before);
  x.dispose();
  assertTensor(same, [1, 2, 1], [1, 2], "float32");
});

standardTest("slice() and concat() cut and join the frames of clips, and nothing else", () => {
  const x = tensor(Float32Array.from({ length: 16 }, (_, i) => i), [2, 4, 2]);
  const middle = slice(x, [0, 1, 0], [-1, 2, -1]);
  assertTensor(middle, [2, 2, 2], [2, 3, 4, 5, 10, 11, 12, 13], "float32");
  const joined = concat([middle, slice(x, [0, 3, 0], [-1, 1, -1])], 1);
  assertTensor(joined, [2, 3, 2], [2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15], "float32");
  throws(() => slice(x, [1, 0, 0], [1, 4, 2]), /expected frames of \[B, T, C\], found \[1,4,2\]/);
  throws(() => concat([x, x], 0), /expected frames of \[B, T, C\], found axis 0/);
});
