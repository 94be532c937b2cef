/**
 * The files that a run leaves beside its model, and the log of TensorBoard.
 *
 * @module
 */
import assert from "node:assert/strict";
import { saveMetrics } from "../../../src/train/checkpoints/results.ts";
import { record } from "../../../src/train/callbacks/tensorboard.ts";
import { writeToFullDisk } from "../../full_disk.ts";
import { readJson } from "../../kit.ts";
import { runTest, tinyRun } from "../_tiny_run.ts";

runTest("saveMetrics() writes sorted keys, and gathers all results", async (directory) => {
  await saveMetrics(directory, "train", { train_loss: 1, epoch: 2 });
  await saveMetrics(directory, "eval", { eval_loss: 3, epoch: 4 });
  const text = await Deno.readTextFile(`${directory}/train_results.json`);
  assert.equal(text, '{\n    "epoch": 2,\n    "train_loss": 1\n}\n');
  const all = await Deno.readTextFile(`${directory}/all_results.json`);
  assert.equal(all, '{\n    "epoch": 4,\n    "eval_loss": 3,\n    "train_loss": 1\n}\n');
});

runTest("Trainer leaves the figures of its run, per second of its own part", async (directory) => {
  const outputDir = `${directory}/run`;
  const { output } = await tinyRun({ outputDir });
  const figures = await readJson<Record<string, number>>(`${outputDir}/train_results.json`);
  const given: Record<string, number> = { ...output.metrics, epoch: 3 };
  assert.deepEqual(figures, given);
  assert.deepEqual(await readJson(`${outputDir}/all_results.json`), figures);
  const { train_runtime: seconds, train_steps_per_second: speed, total_flos } = figures;
  assert.ok(Math.abs(seconds! * speed! - 9) < 0.5, `${seconds} s, ${speed} a second`);
  const clips = seconds! * figures.train_samples_per_second!;
  assert.ok(Math.abs(clips - 30) < 1, `${clips} clips`);
  const more = await tinyRun({
    outputDir,
    args: { numTrainEpochs: 4 },
    resumeFromCheckpoint: true,
  });
  const { train_runtime, train_steps_per_second, ...rest } = more.output.metrics;
  const steps = train_runtime! * train_steps_per_second!;
  assert.ok(Math.abs(steps - 3) < 0.5, `${steps} steps`);
  assert.ok(Math.abs(rest.total_flos! / total_flos! - 4 / 3) < 1e-9);
});

runTest("Trainer counts the same operations after a resumption", async (directory) => {
  const { trainer } = await tinyRun({ outputDir: `${directory}/whole` });
  const controller = new AbortController();
  const outputDir = `${directory}/resumed`;
  const stop = (_args: unknown, { globalStep }: { globalStep: number }) =>
    globalStep === 4 && controller.abort();
  await tinyRun({ outputDir, callbacks: [{ onStepEnd: stop }], signal: controller.signal });
  const resumed = await tinyRun({ outputDir, resumeFromCheckpoint: true });
  assert.equal(resumed.trainer.state.totalFlos, trainer.state.totalFlos);
});

Deno.test("record() has the checksums of TensorFlow's record files", () => {
  // From the record writer of Python's tensorboard, of the event {wall_time: 0, file_version: "brain.Event:2"}.
  const event = new TextEncoder().encode("\t\0\0\0\0\0\0\0\0\x1a\rbrain.Event:2");
  const bytes = record(event);
  assert.equal(bytes.length, 8 + 4 + event.length + 4);
  assert.equal(bytes.slice(0, 12).toHex(), "1800000000000000a37f4b22");
  assert.equal(bytes.slice(-4).toHex(), "eedf28a3");
});

/** The payloads of a record file. */
async function recordsOf(file: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const bytes = await Deno.readFile(file);
  const records: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(new DataView(bytes.buffer).getBigUint64(at, true));
    const payload = bytes.slice(at + 12, at + 12 + length);
    assert.deepEqual(record(payload), bytes.slice(at, at + 16 + length));
    records.push(payload);
    at += 16 + length;
  }
  return records;
}

runTest("TensorBoardCallback writes a scalar for every figure of the log", async (outputDir) => {
  const args = { numTrainEpochs: 1, reportTo: "tensorboard", runName: "one" } as const;
  await tinyRun({ outputDir, args });
  const [file] = Array.from(Deno.readDirSync(`${outputDir}/runs/one`), ({ name }) => name);
  assert.match(file!, /^events\.out\.tfevents\.\d+\.earshot$/);
  const records = await recordsOf(`${outputDir}/runs/one/${file}`);
  const texts = records.map((bytes) => new TextDecoder("latin1").decode(bytes));
  assert.match(texts[0]!, /brain\.Event:2$/);
  assert.match(texts[1]!, /args\/text_summary.*"numTrainEpochs": 1/s);
  const tags = texts.slice(2).map((text) => text.match(/(train|eval)\/\w+/)![0]);
  assert.deepEqual(tags, [
    ...["epoch", "loss", "grad_norm", "learning_rate"].map((name) => `train/${name}`),
    "train/epoch",
    ...["loss", "accuracy", "runtime", "samples_per_second", "steps_per_second"].map((name) =>
      `eval/${name}`
    ),
    "train/epoch",
    ...["train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos"].map(
      (name) => `train/${name}`,
    ),
    "train/train_loss",
  ]);
});

runTest("TensorBoardCallback keeps its lines until the disk has room again", async (outputDir) => {
  const write = Deno.writeFile;
  let writes = 0;
  Deno.writeFile = async (path, data, options) => {
    if (!options?.append || ![2, 3].includes(++writes)) return await write(path, data, options);
    await write(path, (data as Uint8Array<ArrayBuffer>).subarray(0, 5), options);
    writeToFullDisk();
  };
  try {
    const args = { numTrainEpochs: 1, reportTo: "tensorboard", runName: "one" } as const;
    await tinyRun({ outputDir, args });
  } finally {
    Deno.writeFile = write;
  }
  const [file] = Array.from(Deno.readDirSync(`${outputDir}/runs/one`), ({ name }) => name);
  // Two of the start, and the scalars that the test before this one names.
  assert.equal((await recordsOf(`${outputDir}/runs/one/${file}`)).length, 2 + 16);
});
