import assert from "node:assert/strict";
import { type AudioClassificationModel, buildModel } from "../../../src/models/mod.ts";
import { Random } from "../../../src/random.ts";
import type { Batch, BatchSource } from "../../../src/train/batches/batches.ts";
import { FrozenFeatures, frozenFeatures } from "../../../src/train/features/frozen_features.ts";
import { Trainer } from "../../../src/train/loop/trainer.ts";
import { evaluateModel } from "../../../src/train/metrics/evaluation.ts";
import { TrainingArguments, type TrainingOptions } from "../../../src/train/options/arguments.ts";
import { TINY_CONFIG, tinyExtractor, tone } from "../../tiny_model.ts";
import { TINY_ARCHITECTURES } from "../../tiny_architectures.ts";
import { QUIET, runTest, timelessLog, weightsDigest } from "../_tiny_run.ts";

const NO_NOISE = {
  hidden_dropout: 0,
  attention_dropout: 0,
  activation_dropout: 0,
  feat_proj_dropout: 0,
  layerdrop: 0,
  mask_time_prob: 0,
  mask_feature_prob: 0,
};

/** Twelve tones of unlike length, padded to the longest of their batch; each epoch has an order of its own. */
function unlikeTones({ masks = false, varies = false } = {}): BatchSource {
  const random = new Random(3);
  const clips = Array.from({ length: 12 }, (_, i) => {
    return tone(600 + 40 * (i % 3), 1 + i % 5).map((sample) => sample + 0.1 * random.normal());
  });
  return {
    size: clips.length,
    batchCount: (batchSize) => Math.ceil(clips.length / batchSize),
    varies: () => Promise.resolve(varies),
    async *batches(epoch, { batchSize, skip = 0 }): AsyncIterable<Batch> {
      const order = epoch < 0 ? [...clips.keys()] : [...new Random(epoch).permutation(12)];
      for (let at = skip * batchSize; at < clips.length; at += batchSize) {
        const picked = order.slice(at, at + batchSize).map((i) => clips[i]!);
        const longest = Math.max(...picked.map(({ length }) => length));
        const inputs = new Float32Array(picked.length * longest);
        picked.forEach((clip, i) => inputs.set(clip, i * longest));
        const labels = Int32Array.from(order.slice(at, at + batchSize), (i) => i % 5);
        const lengths = masks ? Int32Array.from(picked, ({ length }) => length) : undefined;
        yield await Promise.resolve({ inputs, shape: [picked.length, longest], labels, lengths });
      }
    },
  };
}

/** Counts the clips that go through the base model. */
function countClips(model: AudioClassificationModel): { clips: number } {
  const count = { clips: 0 };
  const forward = model.forward.bind(model);
  model.forward = (inputs, options) => {
    count.clips += inputs.inputs.shape[0]!;
    return forward(inputs, options);
  };
  return count;
}

interface FrozenRun {
  directory: string;
  config?: Record<string, unknown>;
  args?: Partial<TrainingOptions>;
  train?: BatchSource;
  /** Whether clips of evaluations have a mask of padding. */
  masks?: boolean;
  featureDirectory?: string;
}

async function frozenRun(
  { directory, config, args, masks, train = unlikeTones({ masks }), featureDirectory }: FrozenRun,
) {
  const model = await buildModel({ ...TINY_CONFIG, ...NO_NOISE, ...config }, { seed: 1 });
  const count = countClips(model);
  const notices: string[] = [];
  const trainer = new Trainer({
    model,
    args: new TrainingArguments({
      outputDir: directory,
      learningRate: 1e-2,
      perDeviceTrainBatchSize: 4,
      perDeviceEvalBatchSize: 4,
      freezeBaseModel: true,
      ...args,
    }),
    trainDataset: train,
    evalDataset: unlikeTones({ masks }),
    featureExtractor: tinyExtractor(),
    callbacks: [QUIET],
    onNotice: (message) => notices.push(message),
    featureDirectory,
  });
  try {
    await trainer.train();
    const { loss } = await evaluateModel(model, unlikeTones({ masks }), { batchSize: 4 });
    return {
      clips: count.clips,
      digest: await weightsDigest(directory),
      log: timelessLog(trainer),
      loss,
      notices,
    };
  } finally {
    model.dispose();
  }
}

/** Of a run: the clip whose operations are counted, and the evaluation behind it. */
const OTHER_CLIPS = 1 + 12;

for (
  const [what, config, masks] of [
    ["a group norm, which sees padding", {}, false],
    ["a mask of padding", { feat_extract_norm: "layer" }, true],
    ["a group norm, which sees padding behind a mask", {}, true],
    ["a weighted sum of layers", { use_weighted_layer_sum: true }, false],
  ] as const
) {
  runTest(
    `a frozen base is computed once, and the weights are the same: ${what}`,
    async (folder) => {
      const run = (name: string, varies: boolean) =>
        frozenRun({
          directory: `${folder}/${name}`,
          config,
          masks,
          train: unlikeTones({ masks, varies }),
        });
      const plain = await run("plain", true);
      const cached = await run("cached", false);
      assert.equal(cached.digest, plain.digest);
      assert.deepEqual(cached.log, plain.log);
      assert.equal(cached.log.findLast((entry) => "eval_loss" in entry)?.eval_loss, cached.loss);
      // Evaluations take the clips from each other, and with a mask from training.
      assert.ok(plain.clips >= 3 * 12 + OTHER_CLIPS, `${plain.clips}`);
      if ("feat_extract_norm" in config) assert.equal(cached.clips, 12 + OTHER_CLIPS);
      else assert.ok(cached.clips < plain.clips, `${cached.clips} of ${plain.clips}`);
    },
  );
}

runTest("features are kept for the next run, by the model and the clips", async (folder) => {
  const featureDirectory = `${folder}/features`;
  const config = { feat_extract_norm: "layer" };
  const same = { masks: true, config, featureDirectory };
  const run = (name: string, more: Partial<FrozenRun> = {}) =>
    frozenRun({ directory: `${folder}/${name}`, ...same, ...more });
  const first = await run("first");
  const second = await run("second");
  assert.equal(second.clips, OTHER_CLIPS);
  assert.equal(second.digest, first.digest);
  const other = await run("other", { config: { ...config, layer_norm_eps: 1e-3 } });
  assert.equal(other.clips, 12 + OTHER_CLIPS);
  assert.deepEqual([first, second, other].flatMap(({ notices }) => notices), []);
});

runTest("damaged features are found and computed again, once", async (folder) => {
  const featureDirectory = `${folder}/features`;
  const same = { masks: true, config: { feat_extract_norm: "layer" }, featureDirectory };
  const run = (name: string) => frozenRun({ directory: `${folder}/${name}`, ...same });
  const { digest } = await run("first");
  const [model] = [...Deno.readDirSync(featureDirectory)];
  const [file] = [...Deno.readDirSync(`${featureDirectory}/${model!.name}`)];
  const path = `${featureDirectory}/${model!.name}/${file!.name}`;
  const bytes = await Deno.readFile(path);
  // The last vector loses its end, and the one before it a bit.
  bytes[bytes.length - 150] = bytes[bytes.length - 150]! ^ 1;
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 3));
  const again = await run("again");
  assert.deepEqual([again.digest, again.clips], [digest, 2 + OTHER_CLIPS]);
  assert.equal(again.notices.length, 1);
  assert.match(again.notices[0]!, /damaged; its features are computed again/);
  const healed = await run("healed");
  assert.deepEqual([healed.digest, healed.clips, healed.notices], [digest, OTHER_CLIPS, []]);
});

for (
  const [code, os, reason] of [["ENOSPC", 28, "the disk is full"], [
    "EROFS",
    30,
    "the file system is read-only",
  ]] as const
) {
  runTest(`a run goes on without a folder for features: ${reason}`, async (folder) => {
    const plain = await frozenRun({ directory: `${folder}/plain` });
    const featureDirectory = `${folder}/features`;
    const { open } = Deno;
    Deno.open = (path, options) => {
      if (!String(path).startsWith(featureDirectory)) return open(path, options);
      throw Object.assign(new Error(`${reason} (os error ${os})`), { code });
    };
    try {
      const { digest, notices } = await frozenRun({ directory: `${folder}/run`, featureDirectory });
      assert.equal(digest, plain.digest);
      assert.equal(notices.length, 1, `${notices}`);
      assert.match(notices[0]!, new RegExp(`${reason}; features are not kept for the next run`));
      const names = Array.from(Deno.readDirSync(featureDirectory), ({ name }) => name);
      assert.deepEqual([...Deno.readDirSync(`${featureDirectory}/${names[0]}`)], []);
    } finally {
      Deno.open = open;
    }
  });
}

runTest(
  "a base with dropout is computed in each epoch, unless it is in evaluation mode",
  async (folder) => {
    const config = { feat_extract_norm: "layer", hidden_dropout: 0.1 };
    const run = (name: string, args: Partial<TrainingOptions>) =>
      frozenRun({ directory: `${folder}/${name}`, config, masks: true, args });
    const noisy = await run("noisy", {});
    assert.equal(noisy.clips, 3 * 12 + 12 + OTHER_CLIPS);
    const still = await run("still", { frozenBaseEval: true });
    assert.equal(still.clips, 12 + OTHER_CLIPS);
    assert.notEqual(still.digest, noisy.digest);
  },
);

runTest("frozenBaseEval and featureViews are for a base that stays as it is", async (folder) => {
  for (const args of [{ frozenBaseEval: true }, { featureViews: 2 }]) {
    const run = frozenRun({ directory: folder, args: { ...args, freezeBaseModel: false } });
    await assert.rejects(run, { name: "RangeError", message: /expected `freezeBaseModel`/ });
  }
});

for (const [name, { config }] of Object.entries(TINY_ARCHITECTURES)) {
  runTest(`trainingNoise names what ${name} draws in training`, async () => {
    const noises = async (fields: Record<string, unknown>) => {
      const model = await buildModel({ ...config, ...fields }, { labels: ["a", "b"] });
      const noise = model.trainingNoise;
      model.freezeBaseModel();
      const features = frozenFeatures(model, { frozenBaseEval: false }, {});
      model.dispose();
      return { noise, isComputedOnce: features !== undefined };
    };
    const isWhisper = name === "whisper";
    const off = isWhisper
      ? { dropout: 0, attention_dropout: 0, activation_dropout: 0, encoder_layerdrop: 0 }
      : name === "audio-spectrogram-transformer"
      ? { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 }
      : name === "efficientat"
      ? { dropout: 0 }
      : name === "ced"
      ? { drop_rate: 0, attn_drop_rate: 0, drop_path_rate: 0 }
      : { ...NO_NOISE, conformer_conv_dropout: 0 };
    const batchNorm = ["ced", "efficientat", "wav2vec2-conformer"].includes(name)
      ? ["batch norm"]
      : [];
    assert.deepEqual(await noises(off), {
      noise: batchNorm,
      isComputedOnce: batchNorm.length === 0,
    });
    const unknown = name === "sew-d"
      ? ["hidden_dropout", "layerdrop", "conformer_conv_dropout"]
      : ["conformer_conv_dropout"];
    for (const rate of Object.keys(off).filter((rate) => !unknown.includes(rate))) {
      const { noise } = await noises({ ...off, [rate]: 0.5 });
      assert.deepEqual(noise, [`${rate} 0.5`, ...batchNorm]);
    }
  });
}

for (const [name, { config, clip }] of Object.entries(TINY_ARCHITECTURES)) {
  runTest(`the features of ${name} depend on what their key says alone`, async () => {
    for (const norm of config.feat_extract_norm ? ["group", "layer"] : [undefined]) {
      const fields = norm ? { ...config, feat_extract_norm: norm } : config;
      const model = await buildModel(fields, { labels: ["a", "b"] });
      const isOfOneLength = /ced|efficientat|whisper|spectrogram/.test(name);
      const rest = clip.length > 1 ? [...clip] : [900];
      const noise = (seed: number, size: number) => {
        const random = new Random(seed);
        return Float32Array.from({ length: size }, () => random.normal());
      };
      const size = rest.reduce((a, b) => a * b, 1);
      const [longest, ...bands] = rest as [number, ...number[]];
      const shorter = Math.floor(0.8 * longest);
      const lengths = isOfOneLength ? undefined : [shorter, longest];
      const clips = [7, 8].map((seed, i) => {
        return noise(seed, size * (lengths?.[i] ?? longest) / longest);
      });
      const source = (picked: number[], shape: number[]): BatchSource => ({
        size: picked.length,
        batchCount: () => 1,
        async *batches() {
          const width = shape.reduce((a, b) => a * b, 1);
          const inputs = new Float32Array(picked.length * width);
          picked.forEach((clip, row) => inputs.set(clips[clip]!, row * width));
          const known = lengths && Int32Array.from(picked, (clip) => lengths[clip]!);
          yield await Promise.resolve({
            ...{ inputs, shape: [picked.length, ...shape], lengths: known },
            labels: Int32Array.from(picked, () => 0),
          });
        },
      });
      const featuresOf = async (picked: number[], shape: number[]) => {
        // Without what was kept of the batches before.
        const fresh = new FrozenFeatures(model, { inTraining: true });
        for await (
          const { features } of fresh.of(source(picked, shape)).batches(-1, { batchSize: 2 })
        ) {
          return features!.map((state) => state.subarray(0, state.length / picked.length));
        }
      };
      const pair = await featuresOf([0, 1], rest);
      assert.deepEqual(await featuresOf([0], rest), pair, "alone");
      if (model.paddingInvariant && lengths) {
        assert.deepEqual(await featuresOf([0], [shorter, ...bands]), pair, "without padding");
      }
      model.dispose();
    }
  });
}
