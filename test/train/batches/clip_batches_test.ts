import assert from "node:assert/strict";
import { encodeWav } from "../../../src/audio/encode_wav.ts";
import { createClassifier } from "../../../src/classify/pipeline.ts";
import type { AudioDataset } from "../../../src/data/audio_dataset.ts";
import type { ClipNotice } from "../../../src/data/loader.ts";
import { Wav2Vec2FeatureExtractor } from "../../../src/features/mod.ts";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import type { Batch, BatchSource } from "../../../src/train/batches/batches.ts";
import { clipBatches, type ClipBatchesOptions } from "../../../src/train/batches/clip_batches.ts";
import { evaluateModel } from "../../../src/train/metrics/evaluation.ts";
import { assertAllClose } from "../../compare.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_CONFIG, TINY_LABELS, TINY_MIN_SAMPLES } from "../../tiny_model.ts";

/** Samples of the clips, in the order of the data set. */
const LENGTHS = [700, 400, 900, 400, 650, 900, 400];

interface Recordings {
  folder: string;
  dataset: AudioDataset;
}

/** Each clip is a ramp that starts at a height of its own, so that a piece of it tells whence it is. */
async function recordings(folder: string, lengths: readonly number[]): Promise<Recordings> {
  const clips = [];
  for (const [i, length] of lengths.entries()) {
    const file = `${folder}/${i}.wav`;
    const samples = Float32Array.from({ length }, (_, at) => heightOf(i) + at / 4096);
    await Deno.writeFile(file, encodeWav(samples, 8_000));
    clips.push({ file, label: i % 5 });
  }
  return { folder, dataset: { split: "test", labels: TINY_LABELS, clips } };
}

function heightOf(clip: number): number {
  return -0.9 + clip / 10;
}

function clipTest(
  name: string,
  body: (data: Recordings) => Promise<void>,
  lengths: readonly number[] = LENGTHS,
): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir({ prefix: "earshot-clips-" });
    const device = await startTestWasm({ threads: 1 });
    try {
      await body(await recordings(folder, lengths));
    } finally {
      device.dispose();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

interface Setting {
  frontEnd?: "group" | "layer";
  mask?: boolean;
  paddingSide?: "left" | "right";
}

function modelOf({ frontEnd = "group" }: Setting = {}): Promise<AudioClassificationModel> {
  return buildModel({ ...TINY_CONFIG, feat_extract_norm: frontEnd }, { seed: 1 });
}

function extractorOf({ mask = false, paddingSide }: Setting = {}): Wav2Vec2FeatureExtractor {
  return new Wav2Vec2FeatureExtractor({
    samplingRate: 8_000,
    doNormalize: false,
    returnAttentionMask: mask,
    paddingSide,
  });
}

async function sourceOf(
  { dataset }: Recordings,
  options: ClipBatchesOptions = {},
): Promise<BatchSource> {
  const model = await modelOf();
  const source = clipBatches(dataset, model, extractorOf(), options);
  model.dispose();
  return source;
}

async function batchesOf(source: BatchSource, epoch: number, batchSize = 3): Promise<Batch[]> {
  return await Array.fromAsync(source.batches(epoch, { batchSize }));
}

/** The clips of batches, with where in its recording each begins. */
function piecesOf(batches: Batch[]): { clip: number; begin: number; samples: Float32Array }[] {
  return batches.flatMap(({ inputs, shape, indices }) =>
    Array.from(indices!, (clip, row) => {
      const samples = inputs.subarray(row * shape[1]!, (row + 1) * shape[1]!);
      return { clip, begin: Math.round((samples[0]! - heightOf(clip)) * 4096), samples };
    })
  );
}

const SETTINGS: { setting: Setting; mixes: boolean }[] = [
  { setting: { frontEnd: "group", mask: false }, mixes: false },
  { setting: { frontEnd: "group", mask: true }, mixes: false },
  { setting: { frontEnd: "layer", mask: false }, mixes: false },
  { setting: { frontEnd: "layer", mask: true }, mixes: true },
  { setting: { frontEnd: "layer", mask: true, paddingSide: "left" }, mixes: false },
];

for (const { setting, mixes } of SETTINGS) {
  const { frontEnd, mask, paddingSide } = setting;
  const shown = `${frontEnd}, ${mask ? "masked" : "unmasked"}${paddingSide ? ", padded left" : ""}`;
  clipTest(`clipBatches() scores a clip alike in any batch (${shown})`, async ({ dataset }) => {
    const model = await modelOf(setting);
    const source = clipBatches(dataset, model, extractorOf(setting));
    const alone = await evaluateModel(model, source, { batchSize: 1 });
    assert.deepEqual(alone.labels, Int32Array.from(dataset.clips, ({ label }) => label));
    for (const batchSize of [2, 7]) {
      const { logits } = await evaluateModel(model, source, { batchSize });
      assertAllClose(logits, alone.logits, { atol: 1e-5, label: `batches of ${batchSize}` });
    }
    const lengths = (await batchesOf(source, -1, 7)).map(({ indices }) =>
      new Set(Array.from(indices!, (clip) => LENGTHS[clip])).size
    );
    assert.deepEqual(lengths, mixes ? [4] : [1, 1, 1, 1]);
    model.dispose();
  });
}

clipTest("clipBatches() cuts at random in training, and not in evaluation", async (data) => {
  const source = await sourceOf(data, { maxLengthSeconds: 0.05 });
  const begins = piecesOf(await batchesOf(source, 0)).map(({ begin }) => begin);
  assert.ok(new Set(begins).size > 3, `beginnings ${begins}`);
  for (const { clip, begin, samples } of piecesOf(await batchesOf(source, 1))) {
    assert.equal(samples.length, 400);
    assert.ok(begin >= 0 && begin <= LENGTHS[clip]! - 400, `clip ${clip} begins at ${begin}`);
    assertAllClose([samples[399]!], [heightOf(clip) + (begin + 399) / 4096], { atol: 1e-4 });
  }
  const evaluated = piecesOf(await batchesOf(source, -1));
  assert.deepEqual(
    evaluated.map(({ clip, begin, samples }) => [clip, begin || 0, samples.length])
      .sort(([a], [b]) => a! - b!),
    LENGTHS.map((length, clip) => [clip, 0, length]),
  );
});

clipTest("clipBatches() evaluates long clips in fewer at a time", async (data) => {
  const lengths = async (maxLengthSeconds: number) =>
    (await batchesOf(await sourceOf(data, { maxLengthSeconds }), -1, 4))
      .map(({ shape: [count, length] }) => [count, length] as [number, number]);
  const most = 4 * 0.05 * 8_000;
  for (const [count, length] of await lengths(0.05)) {
    assert.ok(count === 1 || count * length <= most, `${count} clips of ${length} samples`);
  }
  const rows = (batches: [number, number][]) => batches.reduce((sum, [count]) => sum + count, 0);
  assert.equal(rows(await lengths(0.05)), rows(await lengths(20)));
}, [1600, 1600, 1600, 1600, 400, 400, 400]);

clipTest(
  "clipBatches() gives an epoch the same batches each time, and no two alike",
  async (data) => {
    const inputsOf = async (epoch: number, options: ClipBatchesOptions = {}) =>
      (await batchesOf(await sourceOf(data, { maxLengthSeconds: 0.05, ...options }), epoch))
        .map(({ inputs }) => inputs);
    assert.deepEqual(await inputsOf(0), await inputsOf(0));
    assert.notDeepEqual(await inputsOf(0), await inputsOf(1));
    assert.notDeepEqual(await inputsOf(0), await inputsOf(0, { seed: 7 }));
  },
);

clipTest(
  "clipBatches() goes on amid an epoch with the very batches that are left",
  async (data) => {
    const source = await sourceOf(data, { maxLengthSeconds: 0.06, augmentSpeed: 0.1 });
    const whole = await batchesOf(source, 2, 2);
    assert.deepEqual(whole.map(({ position }) => position), [0, 1, 2, 3]);
    assert.deepEqual([source.size, source.batchCount(2)], [7, 4]);
    const rest = await Array.fromAsync(source.batches(2, { batchSize: 2, skip: 1 }));
    assert.deepEqual(rest, whole.slice(1));
  },
);

const MANY = Array.from({ length: 40 }, (_, i) => 100 + 37 * (i * 7 % 11));

clipTest("clipBatches() puts clips of like length together, unless asked not to", async (data) => {
  const paddingOf = async (groupByLength: boolean): Promise<number> => {
    const batches = await batchesOf(await sourceOf(data, { groupByLength }), 0, 2);
    const padded = batches.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
    return padded - MANY.reduce((a, b) => a + b);
  };
  const [grouped, mixed] = [await paddingOf(true), await paddingOf(false)];
  assert.ok(grouped < mixed / 2, `padding ${grouped} of ${mixed}`);
}, MANY);

clipTest("clipBatches() names a clip that is too short for the model", async (data) => {
  const message = `Cannot load audio "${data.folder}/1.wav": expected at least ` +
    `${TINY_MIN_SAMPLES} samples at 8000 Hz, found 59`;
  for (const epoch of [0, -1]) {
    const run = batchesOf(await sourceOf(data), epoch);
    await assert.rejects(run, { name: "AudioFormatError", message });
  }
}, [100, 59, 100]);

clipTest("clipBatches() leaves bad clips out, and tells of each", async (data) => {
  const notices: ClipNotice[] = [];
  await Deno.writeTextFile(`${data.folder}/3.wav`, "no audio");
  const options = { skipBadFiles: true, onNotice: (notice: ClipNotice) => notices.push(notice) };
  const source = await sourceOf(data, options);
  for (const epoch of [-1, -1]) {
    const clips = piecesOf(await batchesOf(source, epoch)).map(({ clip }) => clip);
    assert.deepEqual(clips.sort(), [0, 2, 4]);
  }
  assert.deepEqual(notices.map(({ kind, file }) => [kind, file]), [
    ["skipped", `${data.folder}/1.wav`],
    ["skipped", `${data.folder}/3.wav`],
  ]);
}, [100, 59, 120, 100, 100]);

clipTest("clipBatches() keeps clips within hearing however fast they are played", async (data) => {
  const source = await sourceOf(data, { augmentSpeed: 0.5 });
  for (let epoch = 0; epoch < 20; epoch++) {
    for (const { shape } of await batchesOf(source, epoch, 1)) {
      assert.ok(shape[1]! >= TINY_MIN_SAMPLES, `${shape[1]} samples`);
    }
  }
}, [60, 70]);

clipTest("clipBatches() draws as many clips of every class when it balances", async (data) => {
  const labels = [0, 0, 0, 0, 0, 1, 2];
  const clips = data.dataset.clips.map((clip, i) => ({ ...clip, label: labels[i]! }));
  const balanced = { ...data, dataset: { ...data.dataset, clips } };
  const source = await sourceOf(balanced, { balancedSampling: true });
  assert.deepEqual(Array.from((await source.labels!())!), labels);
  const drawn = async (epoch: number) =>
    (await batchesOf(source, epoch)).flatMap(({ indices }) => Array.from(indices!));
  const first = await drawn(0);
  const counts = [0, 1, 2].map((label) => first.filter((clip) => labels[clip] === label).length);
  assert.deepEqual(counts, [3, 2, 2]);
  assert.deepEqual(await drawn(0), first);
  const seen = new Set(first);
  for (let epoch = 1; epoch < 8; epoch++) for (const clip of await drawn(epoch)) seen.add(clip);
  assert.equal(seen.size, 7);
});

clipTest("clipBatches() keeps the order of the data where it is sequential", async (data) => {
  const source = await sourceOf(data, { trainSamplingStrategy: "sequential" });
  const batches = await batchesOf(source, 0);
  assert.deepEqual(batches.flatMap(({ indices }) => Array.from(indices!)), [0, 1, 2, 3, 4, 5, 6]);
});

clipTest("clipBatches() leaves a small last batch out of training alone", async (data) => {
  const source = await sourceOf(data, { dataloaderDropLast: true });
  assert.equal(source.batchCount(3), 2);
  const sizes = (await batchesOf(source, 0)).map(({ shape }) => shape[0]);
  assert.deepEqual(sizes, [3, 3]);
  const evaluated = (await batchesOf(source, -1)).reduce((sum, { shape }) => sum + shape[0]!, 0);
  assert.equal(evaluated, 7);
  assert.equal(source.batchCount(9), 1);
});

clipTest("clipBatches() takes noise from a folder, and refuses one without", async (data) => {
  const folder = `${data.folder}/noise`;
  await Deno.mkdir(folder);
  const options = { augmentNoise: 1, augmentNoiseDir: folder };
  const source = await sourceOf(data, options);
  await assert.rejects(batchesOf(source, 0), {
    name: "DatasetError",
    message: `Cannot take noise from "${folder}": expected audio files, found none`,
  });
  await Deno.writeFile(`${folder}/hum.wav`, encodeWav(new Float32Array(50).fill(0.5), 8_000));
  const [noisy, plain] = [await sourceOf(data, options), await sourceOf(data)];
  const [[first], [second]] = [await batchesOf(noisy, 0), await batchesOf(plain, 0)];
  assert.deepEqual(Array.from(first!.indices!), Array.from(second!.indices!));
  assert.notDeepEqual(first!.inputs, second!.inputs);
  assert.deepEqual(await batchesOf(noisy, -1), await batchesOf(plain, -1));
});

clipTest("clipBatches() takes noise from the files it is given alone", async (data) => {
  const folder = `${data.folder}/noise`;
  await Deno.mkdir(folder);
  await Deno.writeFile(`${folder}/hum.wav`, encodeWav(new Float32Array(50).fill(0.5), 8_000));
  const options = { augmentNoise: 1, augmentNoiseDir: folder };
  const [alone] = await batchesOf(await sourceOf(data, options), 0);
  await Deno.writeFile(`${folder}/held_out.wav`, encodeWav(new Float32Array(50).fill(-1), 8_000));
  const noiseFiles = [`${folder}/hum.wav`];
  const [chosen] = await batchesOf(await sourceOf(data, { ...options, noiseFiles }), 0);
  assert.deepEqual(chosen!.inputs, alone!.inputs);
  const [all] = await batchesOf(await sourceOf(data, options), 0);
  assert.notDeepEqual(all!.inputs, alone!.inputs);
});

clipTest("evaluation hears a clip that is too long in windows, and says so", async (data) => {
  const notices: ClipNotice[] = [];
  const source = await sourceOf(data, { onNotice: (notice) => notices.push(notice) });
  const batches = await batchesOf(source, -1);
  const rows = batches.flatMap(({ indices, shape }) =>
    Array.from(indices!, (index) => ({ index, samples: shape[1] }))
  );
  assert.deepEqual(rows, [
    ...Array.from({ length: 7 }, () => ({ index: 0, samples: 240_000 })),
    { index: 1, samples: 900 },
  ]);
  await batchesOf(source, -1);
  assert.deepEqual(notices.filter(({ kind }) => kind === "long").map(({ message }) => message), [
    `"${
      data.dataset.clips[0]!.file
    }" has 180.5 s, too many to hear at once: its scores are the mean of 7 windows ` +
    "of 30 s; detect tells what is heard when",
  ]);
}, [180.5 * 8_000, 900]);

clipTest(
  "evaluation gives a clip that is too long the scores that a classifier gives it",
  async (data) => {
    const model = await modelOf();
    const { logits } = await evaluateModel(model, clipBatches(data.dataset, model, extractorOf()), {
      batchSize: 3,
    });
    const classifier = createClassifier(model, extractorOf(), {
      longClips: "windows",
      readFile: (path) => Deno.readFile(path),
    });
    for (const [row, { file }] of data.dataset.clips.entries()) {
      const answer = await classifier(file, { functionToApply: "none" });
      for (const { label, score } of answer) {
        assert.equal(logits[row * TINY_LABELS.length + TINY_LABELS.indexOf(label)], score);
      }
    }
    classifier.dispose();
  },
  [181 * 8_000, 900, 200 * 8_000],
);

clipTest(
  "clipBatches() mixes pairs alike after a resumption, and not in evaluation",
  async (data) => {
    const source = await sourceOf(data, { augmentMixup: 1 });
    const batches = await batchesOf(source, 0);
    assert.ok(batches.every(({ mixed, indices }) => mixed!.indices.length === indices!.length));
    assert.notEqual(batches[0]!.mixed!.share, batches[1]!.mixed!.share);
    const later = await Array.fromAsync(source.batches(0, { batchSize: 3, skip: 1 }));
    assert.deepEqual(later, batches.slice(1));
    assert.notEqual((await batchesOf(source, 1))[0]!.mixed!.share, batches[0]!.mixed!.share);
    assert.ok((await batchesOf(source, -1)).every(({ mixed }) => mixed === undefined));
  },
);

clipTest("clipBatches() refuses masks of a spectrogram for a model of samples", async (data) => {
  await assert.rejects(sourceOf(data, { augmentBandMask: 0.1 }), {
    name: "UnsupportedOpError",
    message:
      "Cannot use `augmentBandMask`: expected an extractor of spectrograms, found Wav2Vec2FeatureExtractor",
  });
});

clipTest("epochs take the views of clips in turn", async (data) => {
  const augment = { augmentGainDb: 6, augmentNoise: 0.5, groupByLength: false };
  for (const [options, clips] of [[augment, 1], [{ ...augment, augmentMixup: 0.4 }, 3]] as const) {
    const source = await sourceOf(data, { ...options, featureViews: 2 });
    const epochs: Map<number, Float32Array>[] = [];
    for (let epoch = 0; epoch < 4; epoch++) {
      const batches = await batchesOf(source, epoch, clips);
      epochs.push(
        new Map(
          batches.flatMap(({ inputs, shape, indices }) =>
            Array.from(indices!, (clip, row) => {
              return [clip, inputs.slice(row * shape[1]!, (row + 1) * shape[1]!)] as const;
            })
          ),
        ),
      );
    }
    assert.deepEqual([epochs[2], epochs[3]], [epochs[0], epochs[1]]);
    assert.notDeepEqual(epochs[0]!.get(0), epochs[1]!.get(0));
    assert.equal(await source.varies?.(), false);
  }
});

clipTest("clips vary where they are changed, mixed or cut", async (data) => {
  const varies = async (options: ClipBatchesOptions) =>
    await (await sourceOf(data, options)).varies?.();
  assert.equal(await varies({}), false);
  for (
    const options of [
      { augmentGainDb: 3 },
      { augmentMixup: 0.4 },
      { augmentWindowSeconds: 0.2 },
      { maxLengthSeconds: 0.1 },
    ]
  ) {
    assert.equal(await varies(options), true, JSON.stringify(options));
  }
});

clipTest(
  "clipBatches() gives a clip at several places, whose scores are averaged",
  async (data) => {
    const model = await modelOf();
    const source = clipBatches(data.dataset, model, extractorOf());
    const views = { count: 3, shiftSeconds: 0.01 };
    const moved = piecesOf(await Array.fromAsync(source.batches(-1, { batchSize: 1, views })));
    assert.equal(moved.length, 3 * LENGTHS.length);
    const ofFirst = moved.filter(({ clip }) => clip === 0).map(({ samples }) => samples);
    assert.deepEqual(ofFirst[0]!.subarray(0, 620), ofFirst[1]!.subarray(80));
    assert.deepEqual(ofFirst[2]!.subarray(80), ofFirst[1]!.subarray(0, 620));
    const { logits, indices } = await evaluateModel(model, source, { batchSize: 2, views });
    assert.deepEqual([...indices], [...LENGTHS.keys()]);
    const alone = await Promise.all(
      ofFirst.map((samples) => model.logits(extractorOf().extract([samples]))),
    );
    const mean = alone[0]![0]!.map((_, k) => alone.reduce((sum, [row]) => sum + row![k]! / 3, 0));
    assertAllClose(logits.subarray(0, mean.length), mean, { atol: 1e-5 });
    model.dispose();
  },
);
