/**
 * What models of published shapes cost, as rows of the table in `docs/models.md`: `deno run -P=bench bench/model_costs.ts`.
 *
 * Weights do not change a cost, so they are drawn at random, and two models with few layers are measured: parameters,
 * operations and bytes grow by the same amount with each layer more. Nothing is downloaded.
 *
 * @module
 */
import { engine, tidy, zeros } from "@tensorflow/tfjs-core";
import { countFlops } from "../src/flops.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel, type JsonObject, Noise } from "../src/models/mod.ts";
import { disposeGradients, lossAndGradients } from "../src/train/step/step.ts";

interface Shape {
  checkpoint: string;
  config: JsonObject;
  layers: number;
  /** Of the clip that is measured. */
  seconds: number;
  /** Its input, `[S]` or `[frames, bands]`. */
  clip: number[];
}

const SECOND = { seconds: 1, clip: [16_000] };
const BASE = { ...SECOND, layers: 12 };
const LARGE: JsonObject = {
  hidden_size: 1024,
  num_attention_heads: 16,
  intermediate_size: 4096,
  feat_extract_norm: "layer",
  do_stable_layer_norm: true,
  conv_bias: true,
};

const SHAPES: readonly Shape[] = [
  {
    checkpoint: "MIT/ast-finetuned-audioset-10-10-0.4593",
    config: { model_type: "audio-spectrogram-transformer" },
    layers: 12,
    seconds: 10.24,
    clip: [1024, 128],
  },
  { checkpoint: "facebook/data2vec-audio-base", config: { model_type: "data2vec-audio" }, ...BASE },
  { checkpoint: "facebook/hubert-base-ls960", config: { model_type: "hubert" }, ...BASE },
  {
    checkpoint: "asapp/sew-tiny-100k",
    config: {
      model_type: "sew",
      hidden_size: 512,
      num_attention_heads: 8,
      intermediate_size: 2048,
      num_conv_pos_embeddings: 31,
    },
    ...BASE,
  },
  {
    checkpoint: "asapp/sew-d-tiny-100k",
    config: {
      model_type: "sew-d",
      hidden_size: 384,
      num_attention_heads: 6,
      intermediate_size: 1536,
      num_conv_pos_embeddings: 31,
    },
    ...BASE,
  },
  {
    checkpoint: "microsoft/unispeech-large-1500h-cv",
    config: { ...LARGE, model_type: "unispeech" },
    ...SECOND,
    layers: 24,
  },
  { checkpoint: "microsoft/unispeech-sat-base", config: { model_type: "unispeech-sat" }, ...BASE },
  { checkpoint: "facebook/wav2vec2-base", config: { model_type: "wav2vec2" }, ...BASE },
  {
    checkpoint: "facebook/wav2vec2-conformer-rel-pos-large",
    config: { ...LARGE, model_type: "wav2vec2-conformer" },
    ...SECOND,
    layers: 24,
  },
  { checkpoint: "microsoft/wavlm-base", config: { model_type: "wavlm" }, ...BASE },
  {
    checkpoint: "openai/whisper-tiny (encoder)",
    config: { model_type: "whisper" },
    layers: 4,
    seconds: 30,
    clip: [3000, 80],
  },
];

/** The figures of a model. */
interface Cost {
  parameters: number;
  flops: number;
  /** Most bytes in a training step on one clip, beyond weights and gradients. */
  stepBytes: number;
  /** The same with gradient checkpointing. */
  checkpointedBytes: number;
}

const LABELS = Array.from({ length: 14 }, (_, i) => `label ${i}`);

async function costOf({ config, clip }: Shape, layers: number): Promise<Cost> {
  const depth = { num_hidden_layers: layers, encoder_layers: layers };
  const model = await buildModel({ ...config, ...depth, layerdrop: 0 }, { labels: LABELS });
  const inputs = zeros([1, ...clip]);
  const flops = await countFlops(() => tidy(() => void model.forward({ inputs })));
  inputs.dispose();
  const peaks: number[] = [];
  for (const gradientCheckpointing of [false, true]) {
    const before = engine().memory().numBytes;
    const { peakBytes } = await engine().profile(() => {
      const size = clip.reduce((product, length) => product * length, 1);
      const batch = {
        inputs: new Float32Array(size).fill(0.1),
        shape: [1, ...clip],
        labels: Int32Array.of(0),
      };
      const options = { noise: new Noise(1), gradientCheckpointing };
      disposeGradients(lossAndGradients(model, [batch], options));
      return [];
    });
    peaks.push(peakBytes - before - 4 * model.parameterCount);
  }
  const cost = {
    parameters: model.parameterCount,
    flops,
    stepBytes: peaks[0]!,
    checkpointedBytes: peaks[1]!,
  };
  model.dispose();
  return cost;
}

/** The cost at full depth, from those of two and three layers. */
async function fullCost(shape: Shape): Promise<Cost> {
  const [two, three] = [await costOf(shape, 2), await costOf(shape, 3)];
  const names = Object.keys(two) as (keyof Cost)[];
  const full = names.map((name) => [
    name,
    two[name] + (shape.layers - 2) * (three[name] - two[name]),
  ]);
  return Object.fromEntries(full) as unknown as Cost;
}

const device = await startWasm({ threads: 0 });
for (const shape of SHAPES) {
  const { parameters, flops, stepBytes, checkpointedBytes } = await fullCost(shape);
  const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
  console.log(
    [
      "",
      shape.config.model_type,
      shape.checkpoint,
      (parameters / 1e6).toFixed(2),
      (flops / 1e9 / shape.seconds).toFixed(2),
      gigabytes(16 * parameters),
      gigabytes(stepBytes / shape.seconds),
      gigabytes(checkpointedBytes / shape.seconds),
      "",
    ].join(" | ").trim(),
  );
}
device.dispose();
