/**
 * What models of one length do with other lengths when they are asked to: Whisper's mean over the frames that hold
 * audio, and AST's positions stretched over time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { createClassifier } from "../../src/classify/pipeline.ts";
import { ShapeError } from "../../src/errors.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { clipBatches } from "../../src/train/batches/clip_batches.ts";
import { type AudioClassificationModel, buildModel } from "../../src/models/mod.ts";
import { loadPretrained, savePretrained } from "../../src/pretrained.ts";
import { disposeGradients, lossAndGradients } from "../../src/train/step/step.ts";
import { assertAllClose } from "../compare.ts";
import { deviceTest, startTestWasm } from "../devices.ts";
import { useReference } from "../reference/backend.ts";
import { TINY_ARCHITECTURES, tinyInputs } from "../tiny_architectures.ts";
import { TINY_LABELS, tone } from "../tiny_model.ts";
import { TINY_SPECTROGRAM_MODELS, tinySpectrogramModel } from "../tiny_spectrogram_models.ts";
import { withModel } from "./_architecture_case.ts";

const WHISPER = TINY_ARCHITECTURES.whisper!;
const AST = TINY_ARCHITECTURES["audio-spectrogram-transformer"]!;
const STRETCHING = { ...AST.config, interpolate_positions: true };
const POSITIONS = "audio_spectrogram_transformer.embeddings.position_embeddings";

/** The vector that the classifier sees, and the last states `[clips, T, D]`. */
function pooledOf(model: AudioClassificationModel, lengths?: number[]) {
  const inputs = tinyInputs(WHISPER, 2);
  const output = model.forward(
    { inputs, lengths: lengths && Int32Array.from(lengths) },
    { outputHiddenStates: true },
  );
  const pooled = output.pooled.arraySync() as number[][];
  const last = output.hiddenStates!.at(-1)!.arraySync() as number[][][];
  for (const part of [inputs, output.logits, output.pooled, ...output.hiddenStates!]) {
    part.dispose();
  }
  return { pooled, last };
}

Deno.test("Whisper takes the mean over the frames that hold audio where pool_mask says so", async () => {
  await withModel({ ...WHISPER.config, pool_mask: true }, (model) => {
    const lengths = [7, 24];
    const { pooled, last } = pooledOf(model, lengths);
    const rows = model.parameters.get("projector.weight")!.arraySync() as number[][];
    const biases = model.parameters.get("projector.bias")!.arraySync() as number[];
    const expected = last.map((frames, clip) => {
      const real = frames.slice(0, [4, 12][clip]);
      const mean = real[0]!.map((_, i) => {
        return real.reduce((sum, frame) => sum + frame[i]!, 0) / real.length;
      });
      return rows.map((row, i) =>
        row.reduce((sum, weight, j) => sum + weight * mean[j]!, biases[i]!)
      );
    });
    assertAllClose(pooled.flat(), expected.flat(), { atol: 1e-4 });
    assert.deepEqual(pooledOf(model, [8, 24]).pooled, pooled);
    assert.notDeepEqual(pooledOf(model, [9, 24]).pooled, pooled);
    assert.deepEqual(pooledOf(model, [24, 24]).pooled, pooledOf(model).pooled);
  });
});

Deno.test("Whisper's mean counts silence by default, as the reference's", async () => {
  await withModel(WHISPER.config, (model) => {
    assert.deepEqual(pooledOf(model, [7, 24]).pooled, pooledOf(model).pooled);
  });
});

/** States of the patches and tokens before the first layer, of silence. */
async function firstStates(model: AudioClassificationModel, frames: number): Promise<number[][]> {
  const inputs = tensor(new Float32Array(frames * 10), [1, frames, 10]);
  const { hiddenStates, ...rest } = model.forward({ inputs }, { outputHiddenStates: true });
  const [clip] = await hiddenStates![0]!.array() as number[][][];
  for (const part of [inputs, ...hiddenStates!, rest.logits, rest.pooled, rest.lastHiddenState]) {
    part?.dispose();
  }
  return clip!;
}

/** Positions whose every channel is `100 band + 10 time`, 1 and 2 for the tokens. */
function fillPositions(model: AudioClassificationModel): void {
  const parameter = model.parameters.get(POSITIONS)!;
  const [, places, size] = parameter.shape as [number, number, number];
  const values = Float32Array.from({ length: places * size }, (_, i) => {
    const place = Math.floor(i / size) - 2;
    return place < 0 ? place + 3 : 100 * Math.floor(place / 7) + 10 * (place % 7);
  });
  const filled = tensor(values, parameter.shape);
  parameter.assign(filled);
  filled.dispose();
}

deviceTest("AST stretches the positions of each band over time", async () => {
  const model = await buildModel(STRETCHING, { seed: 1 });
  fillPositions(model);
  const first = async (name: string): Promise<number> => {
    const parameter = model.parameters.get(`audio_spectrogram_transformer.embeddings.${name}`)!;
    return (await parameter.data())[0]!;
  };
  const bias = await first("patch_embeddings.projection.bias");
  const tokens = [await first("cls_token"), await first("distillation_token")];
  // 7 places in 22 frames become 3 in 10, 14 in 43: the centre of each lies at (i + 1/2) 7 / n - 1/2.
  for (const [frames, count] of [[22, 7], [10, 3], [43, 14], [4, 1]] as const) {
    const states = await firstStates(model, frames);
    const found = states.slice(2).map(([state]) => state! - bias);
    const expected = [0, 1, 2].flatMap((band) =>
      Array.from({ length: count }, (_, i) => {
        const at = Math.min(Math.max((i + 0.5) * 7 / count - 0.5, 0), 6);
        return 100 * band + 10 * at;
      })
    );
    assertAllClose(found, expected, { atol: 1e-3, label: `${frames} frames` });
    const ofTokens = states.slice(0, 2).map(([state]) => state!);
    assertAllClose(ofTokens, [1 + tokens[0]!, 2 + tokens[1]!], { atol: 1e-4 });
  }
  model.dispose();
});

Deno.test("AST gives the same scores with interpolate_positions at the length of its config", async () => {
  const scores: Float32Array[] = [];
  for (const config of [AST.config, STRETCHING]) {
    await withModel(config, (model) => {
      const inputs = tinyInputs(AST, 2);
      const { logits, pooled } = model.forward({ inputs });
      scores.push(logits.dataSync() as Float32Array);
      for (const part of [inputs, logits, pooled]) part.dispose();
    });
  }
  assert.deepEqual(scores[1], scores[0]);
});

Deno.test("AST with interpolate_positions still refuses less than a patch, and other bands", async () => {
  await withModel(STRETCHING, (model) => {
    assert.deepEqual([model.takesAnyLength, model.paddingInvariant], [true, false]);
    for (const shape of [[1, 3, 10], [1, 30, 9], [1, 220]]) {
      const inputs = tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape);
      assert.throws(() => model.forward({ inputs }), (error) => {
        assert.ok(error instanceof ShapeError);
        return /expected shape \[clips,4 or more,10\]/.test(error.message);
      });
      inputs.dispose();
    }
  });
});

Deno.test("AST's stretched positions are trained: their gradient is the loss's slope", async () => {
  await useReference("double");
  const model = await buildModel(STRETCHING, { seed: 1 });
  const clip = tinyInputs({ ...AST, clip: [31, 10] }, 2);
  const batch = {
    inputs: Float32Array.from(clip.dataSync()),
    shape: clip.shape,
    labels: Int32Array.of(0, 2),
  };
  clip.dispose();
  const parameter = model.parameters.get(POSITIONS)!;
  // Positions begin at 0, and so do the tokens: a norm of nothing but zeros has no slope to speak of.
  const values = Array.from({ length: parameter.size }, (_, i) => Math.sin(i * i));
  const lossAndGradient = (
    element = 0,
    step = 0,
  ): { loss: number; gradient: ArrayLike<number> } => {
    const moved = tensor(
      values.map((value, i) => value + (i === element ? step : 0)),
      parameter.shape,
    );
    parameter.assign(moved);
    moved.dispose();
    const result = lossAndGradients(model, [batch]);
    const gradient = result.gradients.get(POSITIONS)!.dataSync();
    const [loss] = result.loss.dataSync();
    disposeGradients(result);
    return { loss: loss!, gradient };
  };
  const { gradient } = lossAndGradient();
  for (const element of [0, 40, 100, 200, 300]) {
    const slope = (lossAndGradient(element, 1e-4).loss - lossAndGradient(element, -1e-4).loss) /
      2e-4;
    assertAllClose([gradient[element]!], [slope], { atol: 1e-6, rtol: 1e-3, label: `${element}` });
  }
  model.dispose();
});

Deno.test("a stretching AST is fed clips as long as they are, in training and in classification", async () => {
  const device = await startTestWasm({ threads: 1 });
  const folder = await Deno.makeTempDir();
  const tiny = TINY_SPECTROGRAM_MODELS.find(({ config }) => config.model_type !== "whisper")!;
  const { model, extractor } = await tinySpectrogramModel({
    ...tiny,
    config: { ...tiny.config, interpolate_positions: true },
  });
  const shapes: number[][] = [];
  const forward = model.forward.bind(model);
  model.forward = (inputs, options) => {
    shapes.push(inputs.inputs.shape);
    return forward(inputs, options);
  };
  const classifier = createClassifier(model, extractor);
  const clips = [tone(8_000), tone(24_000), tone(24_000, 3)];
  await classifier(clips.map((samples) => ({ samples, samplingRate: 16_000 })));
  assert.deepEqual(shapes, [[1, 48, 32], [2, 148, 32]]);
  const files = clips.map((_, i) => ({ file: `${folder}/${i}.wav`, label: i }));
  for (const [i, { file }] of files.entries()) {
    await Deno.writeFile(file, encodeWav(clips[i]!, 16_000));
  }
  const dataset = { split: "test", labels: TINY_LABELS, clips: files };
  const batches = clipBatches(dataset, model, extractor, {}).batches(-1, { batchSize: 8 });
  const found: number[][] = [];
  for await (const { shape } of batches) found.push(shape);
  assert.deepEqual(found.toSorted(), [[1, 48, 32], [2, 148, 32]]);
  classifier.dispose();
  await Deno.remove(folder, { recursive: true });
  device.dispose();
});

Deno.test("fromPretrained() takes poolMask and interpolatePositions, and a saved model keeps them", async () => {
  const device = await startTestWasm({ threads: 1 });
  const folder = await Deno.makeTempDir();
  const fields = {
    "whisper": "pool_mask",
    "audio-spectrogram-transformer": "interpolate_positions",
  };
  const load = loadPretrained;
  for (const tiny of TINY_SPECTROGRAM_MODELS) {
    const field = fields[tiny.config.model_type as keyof typeof fields];
    const isWhisper = field === "pool_mask";
    const { model, extractor } = await tinySpectrogramModel(tiny);
    await savePretrained(`${folder}/${field}`, model, extractor);
    const asked = await load(
      `${folder}/${field}`,
      isWhisper ? { poolMask: true } : { interpolatePositions: true },
    );
    await savePretrained(`${folder}/${field}/again`, asked, extractor);
    const again = await load(`${folder}/${field}/again`);
    assert.deepEqual([model, asked, again].map((each) => each.toConfig()[field]), [
      undefined,
      true,
      true,
    ]);
    const wrong = isWhisper ? { interpolatePositions: true } : { poolMask: false };
    await assert.rejects(load(`${folder}/${field}`, wrong), {
      name: "TypeError",
      message: new RegExp(
        `^Cannot use option "${Object.keys(wrong)[0]}": expected a model of type`,
      ),
    });
    for (const each of [model, asked, again]) each.dispose();
  }
  await Deno.remove(folder, { recursive: true });
  device.dispose();
});
