import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { keepHash } from "../../../src/kernels.ts";
import { Heap } from "../../../src/kernels/wasm/_heap.ts";

const PAGE_BYTES = 65536;
const START = 4096;

function createHeap(pages = { initial: 16, maximum: 65536 }): { heap: Heap; bytes: () => number } {
  const memory = new WebAssembly.Memory(pages);
  return { heap: new Heap(memory, START), bytes: () => memory.buffer.byteLength };
}

Deno.test("allocate() starts behind the reserved bytes, at multiples of 64", () => {
  const { heap } = createHeap();
  const addresses = [1, 63, 64, 100, 0, 4000].map((size) => heap.allocate(size));
  equal(addresses[0], START);
  ok(addresses.every((address) => address % 64 === 0), `${addresses}`);
});

Deno.test("allocate() leaves 16 spare bytes behind every block", () => {
  const { heap } = createHeap();
  for (const size of [0, 1, 47, 48, 49, 64, 112, 113]) {
    const [first, second] = [heap.allocate(size), heap.allocate(1)];
    ok(second - first >= size + 16, `block of ${size} followed after ${second - first}`);
  }
});

Deno.test("allocate() never hands out bytes that are in use", () => {
  const { heap } = createHeap();
  const blocks = new Map<number, number>();
  for (let i = 0; i < 3000; i++) {
    if (keepHash(1, i) % 5 < 2 && blocks.size > 0) {
      const address = [...blocks.keys()][keepHash(2, i) % blocks.size]!;
      heap.free(address);
      blocks.delete(address);
    } else {
      const size = keepHash(3, i) % (i % 7 === 0 ? 200_000 : 3000);
      blocks.set(heap.allocate(size), size);
    }
    if (i % 100 === 0) assertApart(blocks);
  }
  assertApart(blocks);
});

function assertApart(blocks: Map<number, number>): void {
  const sorted = [...blocks].sort(([a], [b]) => a - b);
  for (let i = 1; i < sorted.length; i++) {
    const [address, size] = sorted[i - 1]!;
    ok(address + size + 16 <= sorted[i]![0], `${address} + ${size} reaches ${sorted[i]![0]}`);
  }
}

Deno.test("free() merges neighbours, whatever the order", () => {
  for (const order of [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 3, 0, 2, 4], [2, 0, 4, 3, 1]]) {
    const { heap, bytes } = createHeap();
    const before = bytes();
    const blocks = order.map(() => heap.allocate(before / 6));
    for (const i of order) heap.free(blocks[i]!);
    equal(heap.allocate(before - START - 64), START, `order ${order}`);
    equal(bytes(), before);
  }
});

Deno.test("allocate() takes the block of its size that was freed last", () => {
  const { heap } = createHeap();
  const [first, , second] = Array.from({ length: 4 }, () => heap.allocate(1000));
  heap.free(second!);
  heap.free(first!);
  equal(heap.allocate(1000), first);
  equal(heap.allocate(1000), second);
});

Deno.test("allocate() takes the smallest gap that fits", () => {
  const { heap } = createHeap();
  const [large, , small] = [1000, 10, 500, 10].map((size) => heap.allocate(size));
  heap.free(large!);
  heap.free(small!);
  equal(heap.allocate(400), small);
  equal(heap.allocate(400), large);
});

Deno.test("allocate() grows the memory, keeps what is in it and seldom has to", () => {
  const { heap, bytes } = createHeap();
  const sizes = new Set<number>();
  for (let i = 0; i < 2000; i++) {
    heap.allocate(PAGE_BYTES);
    sizes.add(bytes());
  }
  ok(bytes() >= 2000 * PAGE_BYTES);
  ok(sizes.size <= 25, `${sizes.size} growths`);
});

Deno.test("allocate() takes what is left when there is no room for generous growth", () => {
  const { heap, bytes } = createHeap({ initial: 8, maximum: 9 });
  heap.allocate(8 * PAGE_BYTES);
  equal(bytes(), 9 * PAGE_BYTES);
});

Deno.test("allocate() names the limit when the memory is full, and goes on", () => {
  const { heap } = createHeap({ initial: 1, maximum: 2 });
  const first = heap.allocate(1000);
  throws(() => heap.allocate(2 * PAGE_BYTES), {
    name: "DeviceError",
    reason: "memory",
    message: /^Cannot allocate a tensor of 131072 bytes: .*4 GB.*found 1024 bytes in 1 tensors/,
  });
  heap.free(first);
  ok(heap.allocate(PAGE_BYTES) > 0);
});

Deno.test("free() rejects an address twice and one inside a block", () => {
  const { heap } = createHeap();
  const address = heap.allocate(1000);
  throws(() => heap.free(address + 64), RangeError);
  heap.free(address);
  throws(() => heap.free(address), RangeError);
});

Deno.test("usedBytes and blocks count what is not freed", () => {
  const { heap } = createHeap();
  const blocks = [10, 1000, 0].map((size) => heap.allocate(size));
  deepEqual([heap.usedBytes, heap.blocks], [64 + 1024 + 64, 3]);
  for (const block of blocks) heap.free(block);
  deepEqual([heap.usedBytes, heap.blocks], [0, 0]);
});
