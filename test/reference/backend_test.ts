import { deepEqual, equal } from "node:assert/strict";
import {
  dispose,
  engine,
  getKernelsForBackend,
  grad,
  reshape,
  type Tensor,
  tensor1d,
} from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import { activation, dropout, OPERATIONS } from "../../src/kernels.ts";
import { assertAllClose } from "../compare.ts";
import { useReference } from "./backend.ts";

Deno.test("useReference() offers every operation that others do not give", async () => {
  await useReference();
  const names = new Set(getKernelsForBackend("reference").map(({ kernelName }) => kernelName));
  for (const { name, ...operation } of Object.values(OPERATIONS)) {
    equal(names.has(name), !("composed" in operation), name);
  }
});

Deno.test("the reference shares the numbers of clones and reshapes until the last is gone", async () => {
  await useReference();
  const before = engine().memory();
  const x = tensor1d([1, 2, 3, 4]);
  const square = reshape(x, [2, -1]);
  const copy = square.clone();
  deepEqual(square.shape, [2, 2]);
  equal(engine().memory().numDataBuffers, before.numDataBuffers + 1);
  dispose([x, square]);
  deepEqual(Array.from(copy.dataSync()), [1, 2, 3, 4]);
  copy.dispose();
  equal(engine().memory().numDataBuffers, before.numDataBuffers);
  equal(engine().memory().numTensors, before.numTensors);
});

Deno.test("the reference rounds to single precision unless it is asked not to", async () => {
  for (const precision of ["single", "double"] as const) {
    await useReference(precision);
    const x = tensor1d([1]);
    const y = activation(x, "gelu");
    const [value] = y.dataSync();
    equal(value === Math.fround(value!), precision === "single");
    dispose([x, y]);
  }
});

Deno.test("gradients pass through reshape, clone and dropout of rate 0", async () => {
  await useReference();
  const x = tensor1d([-1, 2, 3, 4]);
  const gradient = grad((x: Tensor) => dropout(reshape(x, [2, 2]).clone(), { rate: 0, seed: 1 }))(
    x,
  );
  assertAllClose(gradient.dataSync(), [1, 1, 1, 1], {});
  dispose([x, gradient]);
});
