/**
 * Runs whose device fails: what they say, and what they leave.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { engine } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { DeviceError } from "../../../src/errors.ts";
import { startWebgpu } from "../../../src/kernels/webgpu/mod.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { withRecoveryHint } from "../../../src/train/loop/_device_failure.ts";
import { checkpointsIn, tinyRun } from "../_tiny_run.ts";

const adapter = "gpu" in navigator ? await navigator.gpu.requestAdapter() : null;

/** Registers a test on WebGPU with a folder of its own, shown as ignored where there is no adapter. */
function failureTest(name: string, body: (outputDir: string) => Promise<void>): void {
  Deno.test({
    name: adapter ? name : `${name} [skipped: no adapter]`,
    ignore: !adapter && Deno.env.get("REQUIRE_WEBGPU") !== "1",
    fn: async () => {
      const outputDir = await Deno.makeTempDir({ prefix: "earshot-train-" });
      const device = await startWebgpu({ software: true });
      try {
        await body(outputDir);
      } finally {
        device?.dispose();
        await Deno.remove(outputDir, { recursive: true });
      }
    },
  });
}

/** A run of two clips at a time whose device fails in the fifth step; checkpoints are due after each third. */
function failingRun(outputDir: string, fail: (gpu: GPUDevice) => void): Promise<unknown> {
  const args = { saveStrategy: "steps", saveSteps: 3, loggingSteps: 1 } as const;
  const onStepEnd = (_args: unknown, { globalStep: step }: { globalStep: number }) => {
    if (step === 5) fail((engine().backend as WebGPUBackend).device);
  };
  return tinyRun({ outputDir, args, callbacks: [{ onStepEnd }] });
}

failureTest("Trainer names batches that fit where memory is exhausted", async (outputDir) => {
  const run = failingRun(outputDir, (gpu) => {
    const error = new GPUOutOfMemoryError("no room");
    gpu.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  });
  await rejects(run, (error) => {
    ok(error instanceof DeviceError);
    equal(error.reason, "memory");
    match(error.message, /^Cannot use WebGPU device .*: out of memory \(no room\)$/);
    match(error.hint!, /"checkpoint-3" of the output directory is kept/);
    match(error.hint!, /`perDeviceTrainBatchSize: 1` and `gradientAccumulationSteps: 4`/);
    return true;
  });
  deepEqual(checkpointsIn(outputDir), ["checkpoint-3"]);
});

failureTest("Trainer says how to go on where the device is lost", async (outputDir) => {
  await rejects(failingRun(outputDir, (gpu) => gpu.destroy()), (error) => {
    ok(error instanceof DeviceError);
    equal(error.reason, "lost");
    match(
      error.hint!,
      /^"checkpoint-3" of the output directory is kept\. Go on with `resumeFromCheckpoint: true`/,
    );
    return true;
  });
  deepEqual(checkpointsIn(outputDir), ["checkpoint-3"]);
});

Deno.test("withRecoveryHint() leaves other errors alone", async () => {
  const error = new RangeError("Cannot go on training");
  equal(await withRecoveryHint(error, new TrainingArguments({ outputDir: "nowhere" })), error);
});

Deno.test("withRecoveryHint() knows that there is no checkpoint, and no smaller batch than one clip", async () => {
  const args = new TrainingArguments({ outputDir: "nowhere", perDeviceTrainBatchSize: 1 });
  const failure = new DeviceError("Cannot use", { reason: "memory" });
  const explained = await withRecoveryHint(failure, args) as DeviceError;
  equal(explained.cause, failure);
  match(
    explained.hint!,
    /^No checkpoint was written before\. Start anew with `gradientCheckpointing: true`/,
  );
});
