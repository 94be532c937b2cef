/**
 * Batches for models that take spectrograms: all clips of one length, whatever they were, and training on them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { encodeWav } from "../../../src/audio/encode_wav.ts";
import type { AudioDataset } from "../../../src/data/audio_dataset.ts";
import type { Batch } from "../../../src/train/batches/batches.ts";
import { clipBatches, type ClipBatchesOptions } from "../../../src/train/batches/clip_batches.ts";
import { evaluateModel } from "../../../src/train/metrics/evaluation.ts";
import { disposeGradients, lossAndGradients } from "../../../src/train/step/step.ts";
import { assertAllClose } from "../../compare.ts";
import { startTestWasm } from "../../devices.ts";
import { TINY_LABELS, tone } from "../../tiny_model.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../../tiny_spectrogram_models.ts";

/** Samples of the clips; the third and the last are longer than the models take. */
const LENGTHS = [7_000, 400, 30_000, 16_000, 700, 50_000];

type Loaded = Awaited<ReturnType<typeof tinySpectrogramModel>> & { dataset: AudioDataset };

function batchTest(name: string, body: (loaded: Loaded) => Promise<void>): void {
  for (const tiny of TINY_SPECTROGRAM_MODELS) {
    Deno.test(`clipBatches() ${name} (${tiny.config.model_type})`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "earshot-spectrograms-" });
      const device = await startTestWasm({ threads: 1 });
      try {
        const clips = LENGTHS.map((_, i) => ({ file: `${folder}/${i}.wav`, label: i % 5 }));
        for (const [i, { file }] of clips.entries()) {
          await Deno.writeFile(file, encodeWav(sweep(LENGTHS[i]!, i + 1), 16_000));
        }
        const loaded = await tinySpectrogramModel(tiny);
        await body({ ...loaded, dataset: { split: "test", labels: TINY_LABELS, clips } });
        loaded.model.dispose();
      } finally {
        device.dispose();
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

/** A tone that swells, so that each piece of it is another. */
function sweep(samples: number, pitch: number): Float32Array {
  return tone(samples, pitch).map((sample, i) => sample * (i + 1) / samples);
}

async function batchesOf(
  { dataset, model, extractor }: Loaded,
  epoch: number,
  options: ClipBatchesOptions = {},
): Promise<Batch[]> {
  const source = clipBatches(dataset, model, extractor, options);
  return await Array.fromAsync(source.batches(epoch, { batchSize: 4 }));
}

batchTest("puts clips of all lengths into one batch, and says how long each is", async (loaded) => {
  const { fixedSamples } = loaded.extractor;
  for (const epoch of [0, -1]) {
    const batches = await batchesOf(loaded, epoch);
    assert.deepEqual(batches.map(({ shape }) => shape[0]), [4, 2]);
    for (const { shape, lengths, indices } of batches) {
      assert.equal(shape.length, 3);
      for (const [row, clip] of Array.from(indices!).entries()) {
        const whole = LENGTHS[clip]! >= fixedSamples!;
        assert.equal(lengths![row] === shape[1], whole, `clip ${clip}: ${lengths![row]} frames`);
      }
    }
  }
});

batchTest("scores a clip of a spectrogram model alike in any batch", async (loaded) => {
  const { dataset, model, extractor } = loaded;
  const source = clipBatches(dataset, model, extractor);
  const alone = await evaluateModel(model, source, { batchSize: 1 });
  const { logits } = await evaluateModel(model, source, { batchSize: 6 });
  assertAllClose(logits, alone.logits, { atol: 1e-5 });
});

batchTest("evaluates as much as the model takes, and trains on pieces", async (loaded) => {
  const inputsOf = async (epoch: number, options?: ClipBatchesOptions) =>
    (await batchesOf(loaded, epoch, options)).flatMap(({ inputs }) => [...inputs]);
  const short = { maxLengthSeconds: 0.2 };
  assert.deepEqual(await inputsOf(-1, short), await inputsOf(-1));
  const frames = (await batchesOf(loaded, 0, short)).flatMap(({ lengths }) => [...lengths!]);
  assert.ok(frames.every((count) => count <= 20), `frames ${frames}`);
  assert.notDeepEqual(await inputsOf(0, { groupByLength: false }), await inputsOf(1));
  assert.deepEqual(await inputsOf(0), await inputsOf(0));
});

batchTest("gives the trainer batches from which each parameter learns", async (loaded) => {
  const batches = await batchesOf(loaded, 0);
  const result = lossAndGradients(loaded.model, [batches[0]!]);
  assert.ok(Number.isFinite((await result.loss.data())[0]));
  assert.deepEqual(
    [...result.gradients.keys()].sort(),
    [...loaded.model.trainable().keys()].sort(),
  );
  disposeGradients(result);
});
