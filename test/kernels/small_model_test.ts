import { deepEqual, equal, ok } from "node:assert/strict";
import { engine, getBackend, setBackend } from "@tensorflow/tfjs-core";
import { assertAllClose } from "../compare.ts";
import { deviceTest, startTestWasm } from "../devices.ts";
import { useReference } from "../reference/backend.ts";
import { trainSmallModel } from "./_small_model.ts";

const STEPS = 8;

Deno.test("a model of all operations trains on the reference", async () => {
  await useReference();
  const before = engine().memory().numTensors;
  const losses = await trainSmallModel(STEPS);
  ok(losses.at(-1)! < 0.5 * losses[0]!, `losses ${losses}`);
  equal(engine().memory().numTensors, before);
});

deviceTest("a model of all operations trains as on the reference", async () => {
  const deviceName = getBackend();
  await useReference("double");
  const expected = await trainSmallModel(STEPS);
  await setBackend(deviceName);
  // A step of AdamW magnifies what rounding does to a small gradient.
  assertAllClose(await trainSmallModel(STEPS), expected, { rtol: 1e-3 });
});

Deno.test("a model of all operations trains to the same bits with 1 and 2 threads [wasm]", async () => {
  const runs: number[][] = [];
  for (const threads of [1, 2]) {
    const device = await startTestWasm({ threads });
    try {
      runs.push(await trainSmallModel(STEPS));
    } finally {
      device.dispose();
    }
  }
  deepEqual(runs[1], runs[0]);
});
