/**
 * The model that learns, and one step of it: what is known of a clip (its label, what the teachers make of it) is to be
 * read off the vector that the backbone gives of it by a linear map.
 *
 * The maps of the teachers are thrown away in the end; that of the labels is the classifier that the backbone is saved
 * with. A batch may have fewer frames than the model: its positions are then the first ones, so that words are not
 * learnt in five seconds of padding, and steps with all frames between keep that the same.
 *
 * Source: Hinton et al. 2015, "Distilling the knowledge in a neural network".
 *
 * @module
 */
import {
  keep,
  reshape,
  type Scalar,
  scalar,
  type Tensor,
  tensor,
  tensor1d,
  tensor2d,
  tensor3d,
  tidy,
  variable,
  variableGrads,
  zeros,
} from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import {
  add,
  crossEntropy,
  elementLoss,
  linear,
  maskFrames,
  padFrames,
  scale,
} from "../../src/kernels.ts";
import {
  type AstParams,
  audioSpectrogramTransformer,
} from "../../src/models/audio_spectrogram_transformer.ts";
import { type AudioClassificationModel, buildModel } from "../../src/models/model.ts";
import { Random } from "../../src/random.ts";
import {
  ParameterReader,
  type ParameterSource,
  type StoredTensor,
  storedTensor,
} from "../../src/layers/parameters.ts";
import { AdamW, readAs } from "../../src/train/step/optimizer.ts";
import type { LessonBatch } from "./lessons.ts";
import { SPEECH_EMBEDDING_SIZE } from "./speech_embedding.ts";
import type { TokenGrid } from "./speech_targets.ts";
import { BANDS, YAMNET_CLASSES, YAMNET_SIZE } from "./teachers.ts";

/** Frames of the backbone's input: five seconds. */
export const FRAMES = 500;
/** Frames of a batch of words, and of pieces of sentences. */
export const WORD_FRAMES = 110;
export const SENTENCE_FRAMES = 260;
/** Frames of a short batch of sounds. */
export const SOUND_FRAMES = 250;

/** The shape of the backbone; the rest is the architecture's default. */
export const CONFIG = {
  model_type: audioSpectrogramTransformer.modelType,
  max_length: FRAMES,
  num_mel_bins: BANDS,
  // All bands are one token, each a tenth of a second after the one before.
  patch_size: BANDS,
  frequency_stride: BANDS,
  time_stride: 10,
  hidden_size: 192,
  num_hidden_layers: 3,
  num_attention_heads: 3,
  intermediate_size: 288,
  hidden_act: "gelu",
  qkv_bias: true,
  layer_norm_eps: 1e-6,
  initializer_range: 0.03,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
} as const;

/** How the tokens of a clip of so many frames lie. */
export function tokenGrid(frames: number): TokenGrid {
  const { patch_size: size, time_stride: stride } = CONFIG;
  return { size, stride, count: Math.floor((frames - size) / stride) + 1 };
}

const LABEL_SMOOTHING = 0.1;
/** What the losses count. */
const WEIGHTS = { labels: 1, numbers: 4, tokens: 3, scores: 20 };
/** Share of the averaged weights that a step leaves. */
const AVERAGING = 0.99;

/** How the input is scaled, as the feature extractor does: `(x - mean) / (2 std)`. */
export interface InputScale {
  mean: number;
  std: number;
}

/** Losses of a step, for people. */
export interface StepLosses {
  labels: number;
  numbers: number;
  tokens: number;
  scores: number;
}

/** A linear map that is thrown away in the end. */
interface Head {
  weight: Tensor;
  bias: Tensor;
}

/** The backbone in training. */
export class Student {
  readonly #params: AstParams;
  readonly #heads: Record<"speech" | "tokens" | "embedding" | "scores", Head>;
  /** All that is learnt, by name. */
  readonly #learnt: Map<string, ReturnType<typeof variable>>;
  readonly #averages = new Map<string, Tensor>();
  readonly #optimizer: AdamW;
  readonly #scale: InputScale;

  private constructor(
    params: AstParams,
    parameters: ReadonlyMap<string, ReturnType<typeof variable>>,
    { scale, random }: { scale: InputScale; random: Random },
  ) {
    this.#params = params;
    this.#scale = scale;
    this.#learnt = new Map(parameters);
    const head = (name: string, outputs: number): Head => {
      const size = CONFIG.hidden_size;
      const drawn = Float32Array.from({ length: outputs * size }, () => 0.02 * random.normal());
      const weight = variable(tensor2d(drawn, [outputs, size]));
      const bias = variable(zeros([outputs]));
      this.#learnt.set(`${name}.weight`, weight).set(`${name}.bias`, bias);
      return { weight, bias };
    };
    this.#heads = {
      speech: head("heads.speech", SPEECH_EMBEDDING_SIZE),
      tokens: head("heads.tokens", SPEECH_EMBEDDING_SIZE),
      embedding: head("heads.embedding", YAMNET_SIZE),
      scores: head("heads.scores", YAMNET_CLASSES),
    };
    for (const [name, values] of this.#learnt) this.#averages.set(name, values.clone());
    this.#optimizer = new AdamW(this.#learnt);
  }

  /** With the weights of a backbone of the same shape and labels, or drawn at random. */
  static async begin(
    { labels, seed, scale, source }: {
      labels: readonly string[];
      seed: number;
      scale: InputScale;
      source?: ParameterSource;
    },
  ): Promise<Student> {
    const random = new Random(seed);
    const { basePrefix } = audioSpectrogramTransformer;
    const reader = new ParameterReader({ basePrefix, random, source });
    const config = { ...CONFIG, interpolate_positions: false, classes: labels.length };
    const params = await audioSpectrogramTransformer.load(reader, config);
    return new Student(params, reader.parameters, { scale, random });
  }

  /** One step along the gradient of the batches. */
  async step(batches: readonly LessonBatch[], learningRate: number): Promise<StepLosses> {
    const parts: Tensor[] = [];
    const { value, grads } = variableGrads(() => {
      const losses = batches.flatMap((batch) => this.#losses(batch, parts));
      return losses.reduce((sum, loss) => add(sum, loss)) as Scalar;
    }, [...this.#learnt.values()]);
    const gradients = new Map<string, Tensor>();
    for (const [name, { name: key }] of this.#learnt) {
      if (grads[key]) gradients.set(name, grads[key]);
    }
    const norm = this.#optimizer.step(gradients, {
      learningRate,
      adamBeta1: 0.9,
      adamBeta2: 0.98,
      adamEpsilon: 1e-8,
      weightDecay: 0.05,
      maxGradNorm: 1,
    });
    this.#average();
    const sums = await Promise.all(parts.map(async (part) => (await part.data())[0]!));
    const found = { labels: 0, numbers: 0, tokens: 0, scores: 0 };
    sums.forEach((sum, i) => found[KINDS[i % KINDS.length]!] += sum / batches.length);
    for (const tensor of [value, norm, ...gradients.values(), ...parts]) tensor.dispose();
    return found;
  }

  /** The losses of a batch; `parts` gets each without its weight. */
  #losses(batch: LessonBatch, parts: Tensor[]): Tensor[] {
    const { clips, labels, numbers, scores } = batch;
    const { logits, pooled, states } = this.#forward(batch);
    const known = labels.indexOf(-1) === -1 ? clips : labels.indexOf(-1);
    const isSpoken = scores.length === 0;
    const { speech, tokens, embedding, scores: classes } = this.#heads;
    const size = numbers.length / clips;
    const losses: Record<typeof KINDS[number], Tensor | undefined> = {
      labels: known === 0 ? undefined : labelLoss(rows(logits, known), batch),
      numbers: size === 0 ? undefined : elementLoss(
        mapped(isSpoken ? speech : embedding, pooled),
        tensor2d(numbers, [clips, size]),
        { kind: "squaredError" },
      ),
      tokens: batch.tokens && tokenLoss(mapped(tokens, states), batch.tokens),
      scores: isSpoken || size === 0 ? undefined : elementLoss(
        mapped(classes, pooled),
        tensor2d(scores, [clips, YAMNET_CLASSES]),
        { kind: "binaryCrossEntropy" },
      ),
    };
    return KINDS.flatMap((kind) => {
      const loss = losses[kind];
      parts.push(keep(loss ? loss.clone() : scalar(0)));
      return loss ? [scale(loss, WEIGHTS[kind])] : [];
    });
  }

  /** **Shape** -> `logits [B, N]`, `pooled [B, D]`, `states [B, tokens, D]` */
  #forward(
    { inputs, clips, frames }: LessonBatch,
  ): { logits: Tensor; pooled: Tensor; states: Tensor } {
    const { config, embeddings } = this.#params;
    const fewer = Math.floor((FRAMES - frames) / CONFIG.time_stride);
    const shorter: AstParams = {
      ...this.#params,
      config: { ...config, max_length: frames },
      embeddings: { ...embeddings, positions: padFrames(embeddings.positions, { after: -fewer }) },
    };
    const { mean, std } = this.#scale;
    const values = inputs.map((value) => (value - mean) / (2 * std));
    const { logits, features, lastHiddenState } = audioSpectrogramTransformer.forward(
      shorter,
      { inputs: tensor3d(values, [clips, frames, BANDS]) },
      { outputFeatures: true, outputHiddenStates: true },
    );
    // Two tokens of the clip stand before those of its frames.
    return { logits, pooled: features![0]!, states: padFrames(lastHiddenState!, { before: -2 }) };
  }

  #average(): void {
    for (const [name, values] of this.#learnt) {
      const before = this.#averages.get(name)!;
      this.#averages.set(
        name,
        tidy(() => add(scale(before, AVERAGING), scale(values, 1 - AVERAGING))),
      );
      before.dispose();
    }
  }

  /** The state for going on. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, values] of this.#learnt) yield storedTensor(`now.${name}`, values);
    for (const [name, values] of this.#averages) yield storedTensor(`average.${name}`, values);
    yield* this.#optimizer.tensors();
  }

  /** Takes that back. */
  async restore(saved: ParameterSource): Promise<void> {
    for (const [name, values] of this.#learnt) {
      const now = await readTensor(saved, `now.${name}`, values.shape);
      values.assign(now);
      now.dispose();
      this.#averages.get(name)!.dispose();
      this.#averages.set(name, await readTensor(saved, `average.${name}`, values.shape));
    }
    await this.#optimizer.restore(saved);
  }
}

/** What is shipped: the averaged weights without the teachers' heads; the caller disposes it. */
export async function finishedModel(
  state: ParameterSource,
  labels: readonly string[],
): Promise<AudioClassificationModel> {
  const stored = (name: string) => `average.${name}`;
  return await buildModel(CONFIG, {
    labels,
    source: {
      file: state.file,
      names: () =>
        [...state.names()].filter((name) => name.startsWith(stored("")) && !/\.heads\./.test(name))
          .map((name) => name.slice(stored("").length)),
      shape: (name) => state.shape(stored(name)),
      read: (name) => state.read(stored(name)),
    },
  });
}

const KINDS = ["labels", "numbers", "tokens", "scores"] as const;

/** The mean over what is taught. **Shape** `[B, tokens, 96]` -> scalar */
function tokenLoss(
  found: Tensor,
  { targets, mask }: { targets: Float32Array; mask: Int32Array },
): Tensor {
  const [clips, tokens, size] = found.shape as [number, number, number];
  const taught = mask.reduce((count, isMasked) => count + 1 - isMasked, 0);
  const nothing = zeros([size]);
  const masked = maskFrames(found, tensor2d(mask, [clips, tokens], "int32"), nothing);
  return elementLoss(masked, tensor3d(targets, [clips, tokens, size]), {
    kind: "squaredError",
    normalizer: Math.max(1, taught) * size,
  });
}

/** Cross-entropy; of mixed clips, that of both labels. */
function labelLoss(logits: Tensor, { labels, mixed }: LessonBatch): Tensor {
  const [count] = logits.shape as [number];
  const loss = (own: Int32Array, share: number) =>
    crossEntropy(logits, tensor1d(own.subarray(0, count), "int32"), {
      labelSmoothing: LABEL_SMOOTHING,
      normalizer: count / share,
    });
  if (!mixed || mixed.share === 1) return loss(labels, 1);
  return add(loss(labels, mixed.share), loss(mixed.labels, 1 - mixed.share));
}

function mapped({ weight, bias }: Head, x: Tensor): Tensor {
  return linear(x, weight, { bias });
}

/** The first rows of a matrix. */
function rows(x: Tensor, count: number): Tensor {
  const [all, size] = x.shape as [number, number];
  return reshape(padFrames(reshape(x, [1, all, size]), { after: count - all }), [count, size]);
}

async function readTensor(
  saved: ParameterSource,
  name: string,
  shape: number[],
): Promise<Tensor> {
  return tensor(await readAs(saved, name, shape), shape);
}
