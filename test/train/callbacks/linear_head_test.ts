import assert from "node:assert/strict";
import type { BatchSource } from "../../../src/train/batches/batches.ts";
import type { CallbackEvent } from "../../../src/train/callbacks/callbacks.ts";
import {
  LinearHeadCallback,
  type LinearHeadFit,
} from "../../../src/train/callbacks/linear_head.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_LABELS, tinyModel, tone } from "../../tiny_model.ts";

/** Tones of the first two classes, in turn. */
function tones(clips: number): BatchSource {
  return {
    size: clips,
    batchCount: () => clips,
    async *batches() {
      for (let i = 0; i < clips; i++) {
        const inputs = tone(800, 1 + i % 2 + i / 50);
        yield { inputs, shape: [1, 800], labels: Int32Array.of(i % 2), indices: [i] };
      }
    },
  };
}

async function fit(groupOf?: (clip: number) => string): Promise<LinearHeadFit> {
  const device = await startTestWasm({ threads: 1 });
  const model = await tinyModel();
  const fits: LinearHeadFit[] = [];
  const control = { shouldTrainingStop: false };
  const callback = new LinearHeadCallback({ groupOf, onFitted: (found) => fits.push(found) });
  const event = [{ perDeviceEvalBatchSize: 1 }, {}, control, { model, trainDataset: tones(20) }];
  await callback.onTrainBegin(...event as unknown as CallbackEvent);
  assert.ok(control.shouldTrainingStop);
  model.dispose();
  device.dispose();
  return fits[0]!;
}

Deno.test("LinearHeadCallback chooses by clips that were left out, and never splits a group", async () => {
  assert.ok((await fit()).heldOutLoss! < Math.log(TINY_LABELS.length));
  assert.deepEqual(await fit(() => "one speaker"), { clips: 20, l2: 1, heldOutLoss: undefined });
  // Each group has all of a class, so that what is left out is of a class that was never heard.
  const unheard = await fit((clip) => `class ${clip % 2}`);
  assert.ok(unheard.heldOutLoss! > (await fit()).heldOutLoss!);
});
