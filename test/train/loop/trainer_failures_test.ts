/**
 * Runs that cannot go on: what they say, and what they leave behind.
 *
 * @module
 */
import assert from "node:assert/strict";
import { engine, tensor2d, zeros } from "@tensorflow/tfjs-core";
import { basename } from "node:path";
import type { FeatureExtractor } from "../../../src/features/mod.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import type { BatchSource } from "../../../src/train/batches/batches.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { writeToFullDisk } from "../../full_disk.ts";
import { TINY_CONFIG, tinyExtractor } from "../../tiny_model.ts";
import { checkpointsIn, QUIET, runTest, tinyRun, tinySource, weightsDigest } from "../_tiny_run.ts";

/** A source whose batch of that number, counted over all epochs, is not a number. */
function poisonedSource(at: number): BatchSource {
  const source = tinySource(10);
  let count = 0;
  return {
    size: source.size,
    batchCount: source.batchCount,
    async *batches(epoch, options) {
      for await (const batch of source.batches(epoch, options)) {
        yield ++count === at ? { ...batch, inputs: batch.inputs.fill(NaN) } : batch;
      }
    },
  };
}

runTest("Trainer ends at a loss that is not a number, and names the step", async (outputDir) => {
  const before = engine().memory().numTensors;
  await assert.rejects(tinyRun({ outputDir, trainDataset: poisonedSource(7) }), {
    name: "RangeError",
    message: "Cannot go on training at step 6: expected a finite loss, found NaN",
  });
  assert.deepEqual(checkpointsIn(outputDir), ["checkpoint-3"]);
  assert.equal(engine().memory().numTensors, before);
});

runTest(
  "Trainer writes no checkpoint of broken weights where nothing is logged",
  async (folder) => {
    const args = { loggingStrategy: "no", saveStrategy: "steps", saveSteps: 2 } as const;
    const run = tinyRun({ outputDir: folder, args, trainDataset: poisonedSource(5) });
    await assert.rejects(run, /^RangeError: Cannot go on training at step 4: /);
    assert.deepEqual(checkpointsIn(folder), ["checkpoint-2"]);
    const all = { loggingStrategy: "no", saveStrategy: "no" } as const;
    const late = tinyRun({
      outputDir: `${folder}/late`,
      args: all,
      trainDataset: poisonedSource(15),
    });
    await assert.rejects(late, /^RangeError: Cannot go on training at step 9: /);
    assert.deepEqual([...Deno.readDirSync(`${folder}/late`)], []);
  },
);

runTest("Trainer saves no result of a gradient that is not finite", async (outputDir) => {
  const model = await buildModel(TINY_CONFIG, { seed: 1 });
  const huge = Float32Array.from({ length: 60 }, (_, i) => 2e38 * Math.sin(i));
  model.parameters.get("classifier.weight")!.assign(tensor2d(huge, [5, 12]));
  model.parameters.get("projector.weight")!.assign(zeros([12, 16])); // scores of 0, a finite loss
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({ outputDir, maxSteps: 1 }),
    trainDataset: tinySource(4),
    featureExtractor: tinyExtractor(),
    callbacks: [QUIET],
  });
  await assert.rejects(trainer.train(), {
    name: "RangeError",
    message: /^Cannot go on training at step 1: expected a finite gradient norm, found /,
  });
  assert.deepEqual([...Deno.readDirSync(outputDir)], []);
  model.dispose();
});

/** An extractor that can be saved at some of the times alone: at the others the disk is full. */
function extractorOnFullDisk(hasRoom: (save: number) => boolean): FeatureExtractor {
  const extractor = tinyExtractor();
  let saves = 0;
  return new Proxy(extractor, {
    get(target, key) {
      if (key === "toConfig" && !hasRoom(++saves)) writeToFullDisk();
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

runTest("Trainer goes on where a checkpoint finds no room, and writes the next", async (folder) => {
  const whole = `${folder}/whole`;
  const outputDir = `${folder}/full`;
  const args = { saveStrategy: "steps", saveSteps: 2, saveTotalLimit: 1 } as const;
  await tinyRun({ outputDir: whole, args });
  const notices: string[] = [];
  const left: string[][] = [];
  await tinyRun({
    outputDir,
    args,
    featureExtractor: extractorOnFullDisk((save) => save === 1 || save > 3),
    onNotice: (message) => notices.push(message),
    callbacks: [{ onStepEnd: () => void left.push(checkpointsIn(outputDir)) }],
  });
  assert.deepEqual(
    notices,
    [4, 6].map((step) =>
      `Cannot write "${outputDir}/checkpoint-${step}": the disk is full; the run goes on, and tries again at the next checkpoint`
    ),
  );
  assert.deepEqual(left.map(([first]) => first?.slice("checkpoint-".length)), [
    undefined,
    ...[undefined, "2", "2", "2", "2", "2", "2", "8"],
  ]);
  assert.equal(await weightsDigest(outputDir), await weightsDigest(whole));
  assert.deepEqual(
    await Deno.readFile(`${outputDir}/checkpoint-9/optimizer.safetensors`),
    await Deno.readFile(`${whole}/checkpoint-9/optimizer.safetensors`),
  );
});

runTest("Trainer takes the best model that found room", async (outputDir) => {
  const scores = [1, 3, 2];
  const { trainer } = await tinyRun({
    outputDir,
    args: { metricForBestModel: "score", loadBestModelAtEnd: true },
    featureExtractor: extractorOnFullDisk((save) => save !== 2),
    computeMetrics: () => ({ score: scores.shift()! }),
  });
  const { bestMetric, bestGlobalStep, bestModelCheckpoint } = trainer.state;
  assert.deepEqual([bestMetric, bestGlobalStep, bestModelCheckpoint], [2, 9, "checkpoint-9"]);
  assert.equal(
    await weightsDigest(outputDir),
    await weightsDigest(`${outputDir}/checkpoint-9`),
  );
});

runTest("Trainer that is ended on a full disk leaves the last checkpoint whole", async (folder) => {
  const whole = `${folder}/whole`;
  await tinyRun({ outputDir: whole });
  const outputDir = `${folder}/full`;
  const ending = new AbortController();
  const run = tinyRun({
    outputDir,
    featureExtractor: extractorOnFullDisk((save) => save === 1),
    signal: ending.signal,
    callbacks: [{
      onStepEnd: (_args, { globalStep }) => globalStep === 5 ? ending.abort() : undefined,
    }],
  });
  await assert.rejects(run, {
    name: "FileError",
    code: "ENOSPC",
    message: `Cannot write "${outputDir}/checkpoint-5": the disk is full`,
  });
  assert.deepEqual(Array.from(Deno.readDirSync(outputDir), ({ name }) => name), ["checkpoint-3"]);
  await tinyRun({ outputDir, resumeFromCheckpoint: true, modelSeed: 9 });
  assert.equal(await weightsDigest(outputDir), await weightsDigest(whole));
});

runTest("Trainer finds out before the first step that it cannot write", async (folder) => {
  const file = `${folder}/file`;
  await Deno.writeTextFile(file, "");
  let steps = 0;
  const callbacks = [{ onStepEnd: () => void steps++ }];
  await assert.rejects(tinyRun({ outputDir: `${file}/run`, callbacks }), {
    name: "FileError",
    file: `${file}/run`,
    message: /^Cannot make directory ".*\/file\/run": /,
  });
  assert.equal(steps, 0);
});

runTest("Trainer refuses data without a batch", async (outputDir) => {
  await assert.rejects(tinyRun({ outputDir, trainDataset: tinySource(0) }), {
    name: "DatasetError",
    message: "Cannot train: expected batches of clips, found none",
  });
});

runTest("Trainer passes on what its data throws, and frees its tensors", async (outputDir) => {
  const before = engine().memory().numTensors;
  const broken = new RangeError("Cannot read clip");
  const trainDataset = tinySource(10, 3, (count) => {
    if (count === 4) throw broken;
  });
  await assert.rejects(tinyRun({ outputDir, trainDataset }), (error) => error === broken);
  assert.equal(engine().memory().numTensors, before);
});

runTest("Trainer refuses a checkpoint that is broken or of another model", async (folder) => {
  await tinyRun({ outputDir: folder, args: { maxSteps: 3 } });
  const from = `${folder}/checkpoint-3`;
  const spoil = async (file: string, text: string): Promise<string> => {
    const copy = `${folder}/${crypto.randomUUID()}`;
    await Deno.mkdir(copy);
    for (const { name } of Deno.readDirSync(from)) {
      // Without checksums, as checkpoints of 0.1.0 are, each reader has to look for itself.
      if (name !== "checksums.json") await Deno.copyFile(`${from}/${name}`, `${copy}/${name}`);
    }
    if (text) await Deno.writeTextFile(`${copy}/${file}`, text);
    else await Deno.remove(`${copy}/${file}`);
    return copy;
  };
  const resume = async (directory: string, config = {}) => {
    const outputDir = `${folder}/out`;
    const error = await tinyRun({ outputDir, config, resumeFromCheckpoint: directory })
      .catch((error) => error);
    return `${error.name} ${error.message}`.replaceAll(directory, basename(from));
  };
  const states = await Deno.readTextFile(`${from}/resume.json`);
  assert.match(
    await resume(await spoil("resume.json", states.replace('"batches"', '"batch"'))),
    /^CheckpointError Cannot resume from "checkpoint-3\/resume.json": .* a number in "batches", found nothing$/,
  );
  assert.match(
    await resume(await spoil("trainer_state.json", "{}")),
    /a number in "epoch", found nothing$/,
  );
  assert.match(await resume(await spoil("resume.json", "")), /^CheckpointError .*found nothing$/);
  assert.match(await resume(await spoil("optimizer.safetensors", "")), /^FileError .*no such file/);
  assert.match(
    await resume(from, { classifier_proj_size: 13 }),
    /^CheckpointError Cannot resume .* "classifier_proj_size" of the model's config 13 \(was 12\)$/,
  );
});
