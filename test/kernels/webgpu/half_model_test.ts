/**
 * A whole model whose weights are held in f16: half the memory, nearly its scores, from any kind of directory.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import { pipeline } from "../../../src/classify/pipeline.ts";
import { exportModel } from "../../../src/export/mod.ts";
import type { DeviceBackend } from "../../../src/kernels/webgpu/_backend.ts";
import { startWebgpu } from "../../../src/kernels/webgpu/mod.ts";
import { withFolder } from "../../commands/_command_line.ts";
import { assertAllClose } from "../../compare.ts";
import { startTestWasm } from "../../devices.ts";
import { saveTinyModel, tone } from "../../tiny_model.ts";
import { gpuTest } from "./_gpu.ts";

/** What the weights that are not products' keep, and buffers that are not yet handed over. */
const HALF_AND_LITTLE = 0.55;

function bytesInUse(): number {
  const memory = (engine().backend as DeviceBackend).memory();
  return (memory as unknown as { numBytesInGPU: number }).numBytesInGPU;
}

/** The bytes of a model on the device after its first answer, and its scores. */
async function measured(model: string): Promise<{ sizeBytes: number; scores: Float32Array }> {
  const before = bytesInUse();
  const classifier = await pipeline("audio-classification", model);
  const clip = { samples: tone(4_000), samplingRate: 8_000 };
  const classes = await classifier(clip, { functionToApply: "none" });
  const sizeBytes = bytesInUse() - before;
  classifier.dispose();
  const ordered = classes.toSorted((a, b) => a.label < b.label ? -1 : 1);
  return { sizeBytes, scores: Float32Array.from(ordered, ({ score }) => score) };
}

gpuTest("a model in f16 takes half the memory for nearly the same scores", async () => {
  await withFolder(async (folder) => {
    const wasm = await startTestWasm({ threads: 1 });
    await saveTinyModel(`${folder}/model`);
    const output = `${folder}/half`;
    await exportModel({ model: `${folder}/model`, output, dtype: "f16" });
    wasm.dispose();
    await startWebgpu({ software: true });
    const plain = await measured(`${folder}/model`);
    await startWebgpu({ software: true, f16: true });
    for (const name of ["model", "half"]) {
      const half = await measured(`${folder}/${name}`);
      const share = half.sizeBytes / plain.sizeBytes;
      ok(share < HALF_AND_LITTLE, `${name}: ${share}`);
      assertAllClose(half.scores, plain.scores, { atol: 5e-3, rtol: 5e-3 });
    }
  });
}, { needs: "shader-f16" });
