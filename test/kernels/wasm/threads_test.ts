import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { compileKernels } from "../../../src/kernels/wasm/_module.ts";
import { CONTROL_BYTES, ThreadPool } from "../../../src/kernels/wasm/_threads.ts";
import { CONTROL } from "../../../src/kernels/wasm/_worker.ts";

const VECTORS = 50_000;
const [A, B, SUM] = [65536, 65536 + 16 * VECTORS, 65536 + 32 * VECTORS];

interface Fixture {
  pool: ThreadPool;
  memory: WebAssembly.Memory;
}

async function startPool(threads: number): Promise<Fixture> {
  const shared = threads > 1;
  const module = await compileKernels({ relaxedSimd: false, shared });
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared });
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const pool = new ThreadPool({ module, memory, instance });
  if (shared) await pool.startWorkers(threads);
  return { pool, memory };
}

async function withPool(
  threads: number,
  body: (fixture: Fixture) => void | Promise<void>,
): Promise<void> {
  const fixture = await startPool(threads);
  try {
    await body(fixture);
  } finally {
    fixture.pool.dispose();
  }
}

/** Adds two ramps with the `add` kernel and checks every element. */
function assertSums({ pool, memory }: Fixture, { offset = 0, grain = 1, start = 1 } = {}): void {
  const view = (address: number) => new Float32Array(memory.buffer, address + offset, 4 * VECTORS);
  view(A).set(Float32Array.from({ length: 4 * VECTORS }, (_, i) => start + i));
  view(B).fill(0.5);
  view(SUM).fill(0);
  pool.dispatch("add", VECTORS, [A, B, SUM].map((address) => address + offset), grain);
  const wrong = view(SUM).findIndex((value, i) => value !== start + i + 0.5);
  equal(wrong, -1, `element ${wrong}: ${view(SUM)[wrong]}`);
}

for (const threads of [1, 2, 5]) {
  Deno.test(`dispatch() computes every unit once on ${threads} threads`, () =>
    withPool(threads, (fixture) => {
      equal(fixture.pool.threads, threads);
      for (let i = 0; i < 50; i++) assertSums(fixture, { start: i });
      for (const grain of [1, 7, 1000, VECTORS - 1, VECTORS, 2 * VECTORS]) {
        assertSums(fixture, { grain });
      }
    }));
}

Deno.test("dispatch() runs many short kernels in a row, all seen by the next", () =>
  withPool(3, ({ pool, memory }) => {
    const values = new Float32Array(memory.buffer, A, 64);
    values.fill(1);
    // A doubling in place: each result is the next input.
    for (let i = 0; i < 20; i++) pool.dispatch("add", 16, [A, A, A], 1);
    deepEqual([...values], Array(64).fill(2 ** 20));
  }));

Deno.test("dispatch() works on memory that grew after the workers started", () =>
  withPool(2, (fixture) => {
    assertSums(fixture);
    const offset = fixture.memory.buffer.byteLength;
    fixture.memory.grow(256);
    assertSums(fixture, { offset });
    assertSums(fixture);
  }));

Deno.test("dispatch() starts workers again that left for want of work", () =>
  withPool(2, async (fixture) => {
    assertSums(fixture);
    const control = new Int32Array(fixture.memory.buffer, 0, CONTROL.args);
    const isAlive = () => Atomics.load(control, CONTROL.alive + 1);
    await Atomics.waitAsync(control, CONTROL.alive + 1, 1).value;
    equal(isAlive(), 0);
    assertSums(fixture);
    equal(isAlive(), 1);
    for (let i = 0; i < 100; i++) assertSums(fixture, { start: i });
  }));

Deno.test("dispatch() throws when a kernel traps on any thread, and goes on", () =>
  withPool(2, (fixture) => {
    const outside = 2 ** 31;
    throws(
      () => fixture.pool.dispatch("add", VECTORS, [outside, outside, outside], 1),
      WebAssembly.RuntimeError,
    );
    assertSums(fixture);
  }));

/** A kernel of two chunks of half a millisecond each, so that a worker has time to take one. */
const SLOW = { vectors: 2 ** 18, bytes: 2 ** 22, x: 65536, y: 65536 + 2 ** 22, gelu: 1 };

Deno.test("dispatch() throws too when only a worker traps", () =>
  withPool(2, ({ pool, memory }) => {
    // The second chunk lies outside the memory; chance decides who takes it.
    const y = memory.buffer.byteLength - SLOW.bytes / 2;
    const args = [SLOW.x, y, SLOW.gelu];
    for (let i = 0; i < 50; i++) {
      throws(
        () => pool.dispatch("activation", SLOW.vectors, args, SLOW.vectors / 2),
        WebAssembly.RuntimeError,
        `dispatch ${i}`,
      );
    }
  }));

Deno.test("dispatch() waits for the last worker", () =>
  withPool(2, ({ pool, memory }) => {
    const args = [SLOW.x, SLOW.y, SLOW.gelu];
    const y = new Float32Array(memory.buffer, SLOW.y, SLOW.bytes / 4);
    for (let i = 0; i < 50; i++) {
      y.fill(-1);
      pool.dispatch("activation", SLOW.vectors, args, SLOW.vectors / 2);
      deepEqual([y.at(-1), y[y.length / 2 - 1]], [0, 0], `dispatch ${i}`);
    }
  }));

Deno.test("dispatch() rejects an unknown kernel and too many arguments", () =>
  withPool(1, ({ pool }) => {
    throws(() => pool.dispatch("nothing", 1, [], 1), /kernel "nothing".*expected one of .*add/);
    throws(() => pool.dispatch("add", 1, Array(65).fill(0), 1), RangeError);
    throws(() => pool.dispatch("add", 2 ** 31, [A, B, SUM], 1), RangeError);
  }));

Deno.test("dispatch() of no units does nothing", () =>
  withPool(2, (fixture) => {
    const sum = new Float32Array(fixture.memory.buffer, SUM, 16);
    sum.fill(7);
    fixture.pool.dispatch("add", 0, [A, B, SUM], 1);
    ok(sum.every((value) => value === 7));
    assertSums(fixture);
  }));

Deno.test("dispose() leaves the calling thread, which goes on alone", async () => {
  const fixture = await startPool(2);
  fixture.pool.dispose();
  fixture.pool.dispose();
  equal(fixture.pool.threads, 1);
  assertSums(fixture);
});

Deno.test("startWorkers() passes on why a worker cannot start, and ends the others", async () => {
  const { Worker } = globalThis;
  const { pool } = await startPool(1);
  globalThis.Worker = class {
    constructor() {
      throw new TypeError("workers are switched off");
    }
  } as unknown as typeof Worker;
  try {
    await rejects(pool.startWorkers(2), /switched off/);
    equal(pool.threads, 1);
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("the compiler places nothing in the control block", async () => {
  const module = await compileKernels({ relaxedSimd: true, shared: false });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const used = new Uint8Array(memory.buffer, 0, CONTROL_BYTES).findIndex((byte) => byte !== 0);
  equal(used, -1);
  ok((exports.STATIC_END as WebAssembly.Global).value >= CONTROL_BYTES);
});
