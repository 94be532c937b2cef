/**
 * X-vectors, by which speakers are told apart: dilated convolutions over states, their mean and standard deviation over
 * time, and a linear map of these. Scores of the speakers of the training are cosines to a direction of each.
 *
 * Not here: the loss with a margin (AM-Softmax), so that such a head is not trained.
 *
 * Source: Snyder et al. 2018, "X-Vectors: Robust DNN Embeddings for Speaker Recognition"; names and arithmetic as
 * transformers 5.18 `Wav2Vec2ForXVector` and its likes, whose lengths of padded clips do not know of the dilation.
 *
 * @module
 */
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import { statisticsPool, unfold } from "../kernels.ts";
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { normal, type ParameterReader } from "../layers/parameters.ts";
import { COUNT, SIZE } from "./_config_fields.ts";
import type { ConfigReader } from "./_config_reader.ts";
import type { HeadedConfig, OtherHead } from "./_other_head.ts";
import type { HeadOutput } from "./architecture.ts";

/** The fields of `config.json` that describe the head. */
interface XvectorFields {
  /** Channels of each convolution; the projection has those of the first. */
  tdnn_dim: number[];
  tdnn_kernel: number[];
  tdnn_dilation: number[];
  xvector_output_dim: number;
}

/** `projector [C0, D]`, `layers [C, K C']`, `embedding [P, 2 C]`, `classifier [P, P]`, `directions [P, N]` of length 1 */
interface XvectorParams {
  projector: LinearParams;
  layers: LinearParams[];
  embedding: LinearParams;
  classifier: LinearParams;
  directions: Float32Array;
}

/** A deviation needs two of what the convolutions give. */
const FEWEST_ROWS = 2;
/** What cosines are multiplied by in the training. */
const SCALE = 30;
const LEAST_LENGTH = 1e-12;

function fields(reader: ConfigReader): XvectorFields {
  const tdnn_dim = reader.integers("tdnn_dim", { or: [512, 512, 512, 512, 1500], ...SIZE });
  const each = (key: string, or: number[]) => {
    const values = reader.integers(key, { or, ...COUNT });
    if (values.length === tdnn_dim.length) return values;
    return reader.fail(key, `${tdnn_dim.length} integers, one for each of tdnn_dim`, values);
  };
  return {
    tdnn_dim,
    tdnn_kernel: each("tdnn_kernel", [5, 3, 3, 1, 1]),
    tdnn_dilation: each("tdnn_dilation", [1, 2, 3, 1, 1]),
    xvector_output_dim: reader.integer("xvector_output_dim", { or: 512, ...SIZE }),
  };
}

async function load(
  reader: ParameterReader,
  config: HeadedConfig & XvectorFields,
): Promise<XvectorParams> {
  const { tdnn_dim: channels, xvector_output_dim: size, tdnn_kernel, classes } = config;
  const init = { weight: normal(config.initializer_range) };
  const layer = (name: string, inputs: number, outputs: number) =>
    loadLinear(reader.at(name), { inputs, outputs }, init);
  const projector = await layer("projector", config.hidden_size, channels[0]!);
  const layers: LinearParams[] = [];
  for (const [i, outputs] of channels.entries()) {
    const inputs = tdnn_kernel[i]! * channels[Math.max(0, i - 1)]!;
    layers.push(await layer(`tdnn.${i}.kernel`, inputs, outputs));
  }
  return {
    ...{ projector, layers },
    embedding: await layer("feature_extractor", 2 * channels.at(-1)!, size),
    classifier: await layer("classifier", size, size),
    directions: await loadDirections(reader.at("objective"), size, classes),
  };
}

/** Cosines are made on the host, one row of them a clip. */
async function loadDirections(
  reader: ParameterReader,
  size: number,
  classes: number,
): Promise<Float32Array> {
  const weight = await reader.get("weight", [size, classes], normal(1));
  const directions = (await weight.data() as Float32Array).slice();
  for (let n = 0; n < classes; n++) {
    let squares = 0;
    for (let p = 0; p < size; p++) squares += directions[p * classes + n]! ** 2;
    const length = Math.max(Math.sqrt(squares), LEAST_LENGTH);
    for (let p = 0; p < size; p++) directions[p * classes + n]! /= length;
  }
  return directions;
}

/** Frames that the convolutions take away; `dilated`, in truth. */
function lostFrames(
  { tdnn_kernel, tdnn_dilation }: XvectorFields,
  { dilated }: { dilated: boolean },
): number {
  return tdnn_kernel.reduce((lost, width, i) => {
    return lost + (width - 1) * (dilated ? tdnn_dilation[i]! : 1);
  }, 0);
}

/** **Shape** `state [B, T, D]` -> `logits [B, P]`, `pooled [B, P]`, the x-vector */
function answer(
  params: XvectorParams,
  state: Tensor,
  { config, lengths }: { config: XvectorFields; lengths?: readonly number[] },
): HeadOutput {
  const { tdnn_kernel, tdnn_dilation } = config;
  const rows = params.layers.reduce((x, layer, i) => {
    const around = unfold(x, { width: tdnn_kernel[i]!, dilation: tdnn_dilation[i]! });
    return linear(layer, around, { activation: "relu" });
  }, linear(params.projector, state)); // [B, T', C]
  const lost = lostFrames(config, { dilated: false });
  const valid = lengths?.map((frames) => Math.min(frames - lost, rows.shape[1]!));
  const statistics = statisticsPool(rows, valid && tensor1d(valid, "int32")); // [B, 2 C]
  const pooled = linear(params.embedding, statistics);
  return { logits: linear(params.classifier, pooled), pooled };
}

/** The cosines of the training's loss, without its margin. **Shape** `logits [P]` -> `[N]` */
function clipScores({ directions }: XvectorParams, logits: Float32Array): Float32Array {
  const classes = directions.length / logits.length;
  const length = Math.max(Math.hypot(...logits), LEAST_LENGTH);
  return Float32Array.from({ length: classes }, (_, n) => {
    const along = logits.reduce((sum, value, p) => sum + value * directions[p * classes + n]!, 0);
    return SCALE * along / length;
  });
}

/** The head of `…ForXVector`. */
export const xvectorHead: OtherHead<XvectorParams, XvectorFields> = {
  kind: "xvector",
  suffix: "ForXVector",
  impliedProblem: "single_label_classification",
  fields,
  load,
  answer,
  fewestFrames: (config) => lostFrames(config, { dilated: true }) + FEWEST_ROWS,
  isBlindToPadding: ({ tdnn_dilation, tdnn_kernel }) =>
    tdnn_dilation.every((step, i) => step === 1 || tdnn_kernel[i] === 1),
  clipScores,
};
