import { deepEqual, throws } from "node:assert/strict";
import { engine, memory, tensor } from "@tensorflow/tfjs-core";
import { attention, meanPool } from "../../../src/kernels.ts";
import { startWasm } from "../../../src/kernels/wasm/mod.ts";

for (const wrong of [0, -1, 6, 2 ** 31 - 1]) {
  Deno.test(`attention() and meanPool() reject the length ${wrong} of 5 frames [wasm]`, async () => {
    const device = await startWasm();
    const x = tensor(new Float32Array(40), [2, 5, 4]);
    const lengths = tensor([5, wrong], [2], "int32");
    const counts = () => [memory().numTensors, engine().backend.numDataIds()];
    const before = counts();
    const expected = {
      name: "RangeError",
      message: `Cannot use lengths: expected 1 to 5 frames, found ${wrong}`,
    };
    throws(() => attention(x, x, x, { heads: 2, lengths }), expected);
    throws(() => meanPool(x, lengths), expected);
    deepEqual(counts(), before, "tensors left behind");
    device.dispose();
  });
}
