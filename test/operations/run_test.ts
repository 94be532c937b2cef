import { deepEqual, equal, throws } from "node:assert/strict";
import {
  dispose,
  engine,
  grad,
  memory,
  ones,
  type Tensor,
  tensor,
  tidy,
} from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import { attention, meanPool, type Operation, run, scale } from "../../src/kernels.ts";
import { startWasm } from "../../src/kernels/wasm/mod.ts";

const SHAPE = [2, 5, 8];

/** Runs a body on a WASM device, and asserts that it leaves no tensor. */
function onWasm(body: () => void | Promise<void>): () => Promise<void> {
  return async () => {
    const device = await startWasm();
    const before = memory().numTensors;
    await body();
    equal(memory().numTensors, before);
    device.dispose();
  };
}

function ramp(): Tensor {
  return tensor(Float32Array.from({ length: 80 }, (_, i) => Math.sin(i)), SHAPE);
}

Deno.test(
  "run() is in the profile of the engine where one is taken",
  onWasm(async () => {
    const x = ones([3]);
    const { kernels } = await engine().profile(() => {
      scale(x, 2).dispose();
      return [];
    });
    deepEqual(kernels.map(({ name }) => name), ["scale"]);
    const doubled = scale(x, 2);
    deepEqual([...doubled.dataSync()], [2, 2, 2]);
    x.dispose();
    doubled.dispose();
  }),
);

Deno.test(
  "run() hands its tensors to the scope around it",
  onWasm(() => {
    const scaled = tidy(() => scale(scale(ones([2]), 3), 5));
    deepEqual([...scaled.dataSync()], [15, 15]);
    scaled.dispose();
  }),
);

/** An operation without a kernel on any device. */
const NOTHING: Operation<{ x: Tensor }, object, Tensor> = {
  name: "nothing",
  outputs: ({ x }) => x,
};

Deno.test(
  "run() names an operation that the device lacks",
  onWasm(() => {
    const x = ones([2]);
    throws(() => run(NOTHING, { x }, {}), {
      name: "UnsupportedOpError",
      message:
        'Cannot run nothing: expected a kernel on the device in use, "earshot-wasm", found none',
    });
    x.dispose();
  }),
);

Deno.test(
  "run() composes an operation that the device lacks of others, and leaves nothing between them",
  onWasm(() => {
    const composed = (inputs: { x: Tensor }) => scale(scale(inputs.x, 3), 5);
    const x = ones([2]);
    const before = memory().numTensors;
    const y = run({ ...NOTHING, composed }, { x }, {});
    deepEqual([...y.dataSync()], [15, 15]);
    equal(memory().numTensors, before + 1);
    dispose([x, y]);
  }),
);

Deno.test(
  "attention() and meanPool() give the same bits for whole clips with and without lengths or a tape",
  onWasm(() => {
    const results = tidy(() => {
      const x = ramp();
      const lengths = tensor([5, 5], [2], "int32");
      const taped: Tensor[] = [];
      const record = (value: Tensor) => {
        taped.push(engine().keep(value.clone() as Tensor));
        return value;
      };
      grad((y: Tensor) => record(attention(y, y, y, { heads: 2 })))(x, ones(SHAPE));
      grad((y: Tensor) => record(meanPool(y)))(x, ones([2, 8]));
      const without = [attention(x, x, x, { heads: 2 }), meanPool(x)];
      const given = [attention(x, x, x, { heads: 2, lengths }), meanPool(x, lengths)];
      const values = [without, given, taped].map((list) => list.map((y) => y.arraySync()));
      for (const value of taped) value.dispose();
      return values;
    }) as unknown as number[][][];
    deepEqual(results[1], results[0]);
    deepEqual(results[2], results[0]);
  }),
);
