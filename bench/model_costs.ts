/**
 * What models of published shapes cost: the figures of the table in `docs/models.md`.
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
import { MODEL_TYPES } from "../test/model_recipes.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";

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
  {
    checkpoint: "mispeech/ced-tiny",
    config: { model_type: "ced", name: "ced-tiny", pooling: "logit" },
    layers: 12,
    seconds: 10,
    clip: [1001, 64],
  },
  {
    checkpoint: "mispeech/ced-base",
    config: { model_type: "ced", name: "ced-base", pooling: "logit" },
    layers: 12,
    seconds: 10,
    clip: [1001, 64],
  },
  { checkpoint: "facebook/data2vec-audio-base", config: { model_type: "data2vec-audio" }, ...BASE },
  {
    checkpoint: "fschmid56/EfficientAT mn04_as",
    config: {
      model_type: "efficientat",
      width_mult: 0.4,
      problem_type: "single_label_classification",
    },
    layers: 15,
    seconds: 10,
    clip: [1000, 128],
  },
  {
    checkpoint: "fschmid56/EfficientAT mn10_as",
    config: { model_type: "efficientat", problem_type: "single_label_classification" },
    layers: 15,
    seconds: 10,
    clip: [1000, 128],
  },
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
  {
    checkpoint: "facebook/w2v-bert-2.0",
    config: { model_type: "wav2vec2-bert" },
    seconds: 1,
    layers: 24,
    clip: [49, 160],
  },
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
  const depth = { num_hidden_layers: layers, encoder_layers: layers, depth: layers };
  const model = await buildModel({ ...config, ...depth, layerdrop: 0 }, { labels: LABELS });
  const inputs = zeros([1, ...clip]);
  const flops = countFlops(() => tidy(() => void model.forward({ inputs })));
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
function fullCost(two: Cost, three: Cost, layers: number): Cost {
  const at = (name: keyof Cost) => two[name] + (layers - 2) * (three[name] - two[name]);
  return {
    parameters: at("parameters"),
    flops: at("flops"),
    stepBytes: at("stepBytes"),
    checkpointedBytes: at("checkpointedBytes"),
  };
}

/** `costs`. */
export const question: Question = {
  asks: "What do models of published shapes cost in parameters, operations and memory?",
  options: {
    only: { help: "architectures, separated by commas", default: MODEL_TYPES.join(",") },
  },
  answer,
};

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const types = options.someOf("only", MODEL_TYPES);
  const shapes = SHAPES.filter(({ config }) => types.includes(String(config.model_type)));
  const device = await startWasm({ threads: 0 });
  for (const [i, shape] of shapes.entries()) {
    const costs: Cost[] = [];
    for (const layers of [2, 3]) {
      notes.progress(`${i + 1} of ${shapes.length}: ${shape.checkpoint}, ${layers} layers`);
      costs.push(await costOf(shape, layers));
    }
    yield* rowsOf(shape, fullCost(costs[0]!, costs[1]!, shape.layers));
  }
  device.dispose();
}

function* rowsOf({ checkpoint, seconds }: Shape, cost: Cost): Generator<BenchRow> {
  const { parameters, flops, stepBytes, checkpointedBytes } = cost;
  const megabytes = (bytes: number) => bytes / 1e6;
  yield rowOf(`${checkpoint}: parameters`, parameters / 1e6, "M parameters");
  yield rowOf(`${checkpoint}: forward pass, for a second`, flops / 1e9 / seconds, "GFLOP");
  yield rowOf(`${checkpoint}: fine-tuning`, megabytes(16 * parameters), "MB");
  yield rowOf(`${checkpoint}: step, for a second`, megabytes(stepBytes / seconds), "MB");
  const checkpointed = megabytes(checkpointedBytes / seconds);
  yield rowOf(`${checkpoint}: the same, gradient checkpointing`, checkpointed, "MB");
}
