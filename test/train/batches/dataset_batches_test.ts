/**
 * Data sets as batches: the same as those of the clips, and preprocessed columns as they are.
 *
 * @module
 */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { encodeWav } from "../../../src/audio/encode_wav.ts";
import { audioClips } from "../../../src/data/audio_clips.ts";
import { Dataset } from "../../../src/data/dataset.ts";
import { Audio, ClassLabel, Sequence, Value } from "../../../src/data/features.ts";
import { Wav2Vec2FeatureExtractor } from "../../../src/features/mod.ts";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import type { Batch, BatchSource } from "../../../src/train/batches/batches.ts";
import { clipBatches } from "../../../src/train/batches/clip_batches.ts";
import { datasetBatches } from "../../../src/train/batches/dataset_batches.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_CONFIG, TINY_LABELS } from "../../tiny_model.ts";

const LENGTHS = [700, 400, 900, 400, 650];

const extractor = new Wav2Vec2FeatureExtractor({ samplingRate: 8_000, doNormalize: false });

/** A recording in memory for each length; the class is the row's number. */
function recordings(): Dataset {
  const rows = LENGTHS.map((length, i) => {
    const samples = Float32Array.from({ length }, (_, at) => (i + 1) / 10 + at / 4096);
    return { audio: { path: `${i}.wav`, bytes: encodeWav(samples, 8_000) }, label: i };
  });
  return Dataset.fromRows(rows, { audio: new Audio(), label: new ClassLabel(TINY_LABELS) });
}

function modelTest(name: string, body: (model: AudioClassificationModel) => Promise<void>): void {
  Deno.test(name, async () => {
    const device = await startTestWasm({ threads: 1 });
    const model = await buildModel(TINY_CONFIG, { seed: 1 });
    try {
      await body(model);
    } finally {
      model.dispose();
      device.dispose();
    }
  });
}

async function batchesOf(source: BatchSource, epoch: number, batchSize = 2): Promise<Batch[]> {
  return await Array.fromAsync(source.batches(epoch, { batchSize }));
}

modelTest("datasetBatches() gives the batches of its clips", async (model) => {
  const dataset = recordings();
  const source = datasetBatches(dataset, model, extractor, { seed: 3 });
  const clips = clipBatches(await audioClips(dataset), model, extractor, { seed: 3 });
  equal(source.batchCount(2), 3);
  for (const epoch of [0, 1, -1]) {
    deepEqual(await batchesOf(source, epoch), await batchesOf(clips, epoch));
  }
});

modelTest("datasetBatches() takes columns that were made as they are", async (model) => {
  const encoded = await recordings().map(
    ({ audio }) => ({ input_values: (audio as { array: Float32Array }).array }),
    { removeColumns: ["audio"] },
  );
  const source = datasetBatches(encoded, model, extractor, { seed: 3 });
  const evaluated = await batchesOf(source, -1, 4);
  deepEqual(evaluated.flatMap(({ indices }) => Array.from(indices!)), [0, 1, 3, 2, 4]);
  deepEqual(evaluated.map(({ shape }) => shape), [[1, 700], [2, 400], [1, 900], [1, 650]]);
  const [first] = await batchesOf(source, 0, 5);
  deepEqual(first!.shape, [5, 900]);
  deepEqual(first!.labels, Int32Array.from(Array.from(first!.indices!)));
  const short = Array.from(first!.indices!).indexOf(1);
  deepEqual(first!.inputs.slice(short * 900 + 400, (short + 1) * 900), new Float32Array(500));
  equal(Math.abs(first!.inputs[short * 900]! - 0.2) < 1e-4, true);
});

modelTest("datasetBatches() skips batches that were trained on", async (model) => {
  const encoded = await recordings().map(
    ({ label }) => ({ input_values: Float32Array.of(label as number, 0) }),
    { inputColumns: ["label"], removeColumns: ["audio"] },
  );
  const source = datasetBatches(encoded, model, extractor, { seed: 3 });
  const all = await batchesOf(source, 2);
  const rest = await Array.fromAsync(source.batches(2, { batchSize: 2, skip: 1 }));
  deepEqual(rest, all.slice(1));
  deepEqual(rest.map(({ position }) => position), [1, 2]);
});

modelTest("datasetBatches() gives several labels a clip, and numbers", async (model) => {
  const input = { input_values: Float32Array.of(1, 2) };
  const several = Dataset.fromRows([{ ...input, label: [0, 2] }, { ...input, label: [] }], {
    input_values: new Sequence(new Value("float32")),
    label: new Sequence(new ClassLabel(TINY_LABELS)),
  });
  const [batch] = await batchesOf(datasetBatches(several, model, extractor), -1);
  deepEqual(batch!.labels, Float32Array.of(1, 0, 1, 0, 0, 0, 0, 0, 0, 0));
  const numbers = Dataset.fromRows([{ ...input, label: 0.5 }, { ...input, label: 2 }]);
  const [regression] = await batchesOf(datasetBatches(numbers, model, extractor), -1);
  deepEqual(regression!.labels, Float32Array.of(0.5, 2));
});

modelTest("datasetBatches() names what it cannot train on", async (model) => {
  throws(() => datasetBatches(recordings().select([]), model, extractor), {
    name: "DatasetError",
    message: 'Cannot use data set "all": expected rows, found none',
  });
  const strange = recordings().map(() => ({ label: "strange" }), { inputColumns: ["label"] });
  await rejects(batchesOf(datasetBatches(await strange, model, extractor), 0), {
    name: "DatasetError",
    message: /expected labels that the model knows, found "strange"/,
  });
  const words = Dataset.fromRows([{ input_values: "no", label: TINY_LABELS[0] }]);
  await rejects(batchesOf(datasetBatches(words, model, extractor), 0), {
    name: "DatasetError",
    message: 'Cannot use column "input_values": expected lists of numbers, found string',
  });
});
