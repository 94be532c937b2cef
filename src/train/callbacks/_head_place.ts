/**
 * Where in a model a head is fitted: what it sees of a clip, and which parameters it becomes.
 *
 * A last layer is fitted over what stands before it: a projector that was trained, or the norm of an Audio Spectrogram
 * Transformer. A projector that a checkpoint lacks would be drawn at random, and squeeze the features through random
 * weights. So the layer is then fitted over the features themselves, and the projector hands on what it needs: all
 * features where there is room for them, else the scores of the classes, and as many features as fit beside them.
 *
 * @module
 */
import { type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";
import type { Layer } from "../../heads/linear_fit.ts";
import { layerNorm } from "../../kernels.ts";
import { joinedFeatures } from "../../layers/classification_head.ts";
import type { AudioClassificationModel } from "../../models/model.ts";

/** A place for a linear layer. */
export interface HeadPlace {
  /** What the layer sees; the caller disposes it. **Shape** `features [B, D]` each -> `[B, P]` */
  vectors(features: Tensor[]): Tensor;
  /** Makes the layer part of the model. */
  put(layer: Layer): void;
}

/** @throws {UnsupportedOpError} where the classes are not scored by a linear layer. */
export function headPlaceOf(model: AudioClassificationModel): HeadPlace {
  const { parameters, loading } = model;
  if (parameters.has("classifier.dense.weight")) {
    const eps = Number(model.toConfig().layer_norm_eps ?? 1e-12);
    return placeBehindNorm(model, { norm: "classifier.layernorm", dense: "classifier.dense", eps });
  }
  if (parameters.has("outputlayer.1.weight")) {
    return placeBehindNorm(model, { norm: "outputlayer.0", dense: "outputlayer.1", eps: 1e-5 });
  }
  if (parameters.has("projector.weight") && loading.missing.includes("projector.weight")) {
    return placeOfDrawnProjector(model);
  }
  const last = ["classifier", "classifier.5"].find((name) => parameters.has(`${name}.weight`));
  if (last) return placeBehindProjector(model, last);
  throw new UnsupportedOpError(
    `Cannot fit a head of a model of type "${model.modelType}": expected "classifier.weight", found none`,
    { hint: "Train its head by steps, with the option `freezeBaseModel`" },
  );
}

/** What a model's output calls `pooled`, which is what examples are compared by. */
export function placeOfLastLayer(
  model: AudioClassificationModel,
): Pick<HeadPlace, "vectors"> {
  return { vectors: (features) => tidy(() => model.classify(features).pooled) };
}

function placeBehindProjector(model: AudioClassificationModel, last = "classifier"): HeadPlace {
  return {
    ...placeOfLastLayer(model),
    put: ({ weights, biases }) => {
      assign(model, `${last}.weight`, weights);
      assign(model, `${last}.bias`, biases);
    },
  };
}

function placeBehindNorm(
  model: AudioClassificationModel,
  { norm, dense, eps }: { norm: string; dense: string; eps: number },
): HeadPlace {
  const { parameters } = model;
  const parts = ["weight", "bias"].map((name) => parameters.get(`${norm}.${name}`)!);
  return {
    vectors: ([pooled]) => layerNorm(pooled!, parts[0]!, parts[1]!, { eps }),
    put: ({ weights, biases }) => {
      assign(model, `${dense}.weight`, weights);
      assign(model, `${dense}.bias`, biases);
    },
  };
}

function placeOfDrawnProjector(model: AudioClassificationModel): HeadPlace {
  const { parameters } = model;
  const [outputs, inputs] = parameters.get("projector.weight")!.shape as [number, number];
  const classes = model.labels.length;
  const takesAll = outputs >= inputs;
  if (!takesAll && classes > outputs) return placeBehindProjector(model);
  return {
    vectors: (features) =>
      joinedFeatures({ layerWeights: parameters.get("layer_weights") }, features),
    put: ({ weights, biases }) => {
      const projector = new Float64Array(outputs * inputs);
      const classifier = new Float64Array(classes * outputs);
      // Behind the rows of the scores, where these are needed.
      const first = takesAll ? 0 : classes;
      for (let d = 0; d < Math.min(inputs, outputs - first); d++) {
        projector[(first + d) * inputs + d] = 1;
      }
      if (!takesAll) projector.set(weights);
      for (let k = 0; k < classes; k++) {
        if (takesAll) {
          classifier.set(weights.subarray(k * inputs, (k + 1) * inputs), k * outputs);
        } else classifier[k * outputs + k] = 1;
      }
      assign(model, "projector.weight", projector);
      assign(model, "projector.bias", new Float64Array(outputs));
      assign(model, "classifier.weight", classifier);
      assign(model, "classifier.bias", biases);
    },
  };
}

function assign(model: AudioClassificationModel, name: string, values: Float64Array): void {
  const parameter = model.parameters.get(name)!;
  const next = tensor(Float32Array.from(values), parameter.shape, "float32");
  parameter.assign(next);
  next.dispose();
}
