/**
 * Runs that learn from another model.
 *
 * @module
 */
import assert from "node:assert/strict";
import { buildModel } from "../../../src/models/mod.ts";
import type { InferenceModel } from "../../../src/models/inference_model.ts";
import { tinyExtractor } from "../../tiny_model.ts";
import { TINY_CONFIG } from "../../tiny_model.ts";
import { runTest, tinyRun, tinySource, weightsDigest } from "../_tiny_run.ts";

async function teacherOf(fields: Record<string, unknown> = {}, seed = 5) {
  const model: InferenceModel = await buildModel({ ...TINY_CONFIG, ...fields }, { seed });
  return { model, featureExtractor: tinyExtractor(), trainDataset: tinySource(10) };
}

/** The tiny source gives its clips by place in training too. */
function placedSource() {
  const source = tinySource(10);
  return {
    ...source,
    async *batches(epoch: number, options: { batchSize: number; skip?: number }) {
      const labels = await Array.fromAsync(source.batches(-1, { batchSize: 1 }));
      for await (const batch of source.batches(epoch, options)) {
        const size = batch.shape[1]!;
        const indices = Array.from(batch.labels, (_, row) => {
          const own = batch.inputs.subarray(row * size, (row + 1) * size);
          return labels.findIndex(({ inputs }) => inputs.every((value, i) => value === own[i]));
        });
        yield { ...batch, indices };
      }
    },
  };
}

runTest("Trainer comes nearer to its teacher's scores, and resumes exactly", async (directory) => {
  const args = {
    ...{ teacherWeight: 1, teacherTemperature: 1, teacherFeatureWeight: 0.5 },
    ...{ numTrainEpochs: 12, saveStrategy: "steps" as const, saveSteps: 20 },
  };
  const run = async (name: string, more: object = {}) => {
    const teacher = await teacherOf();
    const { trainer } = await tinyRun({
      ...{ args, trainDataset: placedSource(), teacher, outputDir: `${directory}/${name}` },
      ...more,
    });
    teacher.model.dispose();
    return trainer;
  };
  const { logHistory } = (await run("whole")).state;
  const losses = logHistory.filter((entry) => "loss" in entry).map(({ loss }) => loss!);
  assert.ok(losses.at(-1)! < 0.6 * losses[0]!, `losses ${losses}`);
  const stop = new AbortController();
  const callbacks = [{
    onStepEnd: (_: unknown, { globalStep }: { globalStep: number }) => {
      if (globalStep === 20) stop.abort();
    },
  }];
  await run("parts", { callbacks, signal: stop.signal });
  await Deno.stat(`${directory}/parts/checkpoint-20/teaching.safetensors`);
  await run("parts", { resumeFromCheckpoint: true, modelSeed: 9 });
  assert.equal(
    await weightsDigest(`${directory}/parts`),
    await weightsDigest(`${directory}/whole`),
  );
  await assert.rejects(run("parts", { resumeFromCheckpoint: true, teacher: undefined }), {
    message: /other answers of a teacher/,
  });
});

runTest(
  "Trainer refuses a teacher that lacks a class, unless features are enough",
  async (directory) => {
    const id2label = { 0: "a", 1: "b" };
    const teacher = await teacherOf({ id2label, label2id: { a: 0, b: 1 } });
    const options = { trainDataset: placedSource(), teacher, outputDir: directory };
    await assert.rejects(tinyRun(options), {
      name: "RangeError",
      message: /Cannot learn the scores of a teacher: expected it to know the class .* found a, b;/,
    });
    const { output } = await tinyRun({ ...options, args: { teacherWeight: 0, maxSteps: 2 } });
    assert.equal(output.globalStep, 2);
    teacher.model.dispose();
  },
);

runTest(
  "Trainer asks for what the teacher is to hear where the clips are batches",
  async (directory) => {
    const { trainDataset: _, ...teacher } = await teacherOf();
    await assert.rejects(tinyRun({ teacher, outputDir: directory }), {
      name: "TypeError",
      message:
        "Cannot learn from a teacher: expected its own trainDataset beside batches, found none",
    });
    teacher.model.dispose();
  },
);
