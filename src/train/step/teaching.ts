/**
 * What a model is taught by another one: to answer as it does, and to see in a clip what it sees.
 *
 * The teacher has answered for every clip once, as it is, before the first step. Its scores, softened by a
 * temperature, are targets beside the labels. What its head looks at is another: a linear map of what the student's own
 * looks at is to agree with it in direction, whatever their sizes. The map is trained along and is no part of the model.
 *
 * Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; Romero et al. 2015, "FitNets".
 *
 * @module
 */
import {
  ones,
  type Scalar,
  type Tensor,
  tensor,
  tensor2d,
  type Variable,
  variable,
  zeros,
} from "@tensorflow/tfjs-core";
import { DatasetError } from "../../errors.ts";
import { add, elementLoss, layerNorm, linear, scale } from "../../kernels.ts";
import { type ParameterSource, type StoredTensor, storedTensor } from "../../layers/parameters.ts";
import type { ModelOutput } from "../../models/architecture.ts";
import type { ProblemType } from "../../models/problem_type.ts";
import type { Random } from "../../random.ts";
import type { Batch } from "../batches/batches.ts";
import type { MoreState } from "../checkpoints/checkpoint.ts";
import { readAs } from "./optimizer.ts";
import { divergence, softmax } from "./_soft_targets.ts";

/** What a teacher says of one clip. */
export interface TeacherAnswer {
  /** `[N]`, a score for each class of the student. */
  scores: readonly number[];
  /** `[P]`, what the teacher's head looks at. */
  features: Float32Array;
}

/** How much of a teacher is to be learnt. */
export interface TeachingOptions {
  problemType: ProblemType;
  /** Share of its scores in the loss, the rest being that of the labels. */
  weight: number;
  /** Scores are divided by this; of several labels and values they are taken as they are. */
  temperature: number;
  /** How much counts that the student sees other things: from 0 to twice this a clip. */
  featureWeight: number;
}

/** What is learnt from. */
export interface TeachingBatch {
  batch: Pick<Batch, "indices" | "mixed">;
  /** Clips that the mean is over. */
  clips: number;
}

const WEIGHT = "teaching.weight";
const BIAS = "teaching.bias";
const NORM_EPS = 1e-5;

/** The losses that come of a teacher; {@linkcode Teaching.dispose} frees the map. */
export class Teaching implements MoreState {
  /** Where a checkpoint keeps the map. */
  readonly file = "teaching.safetensors";
  /** The map from what the student sees to what the teacher sees, by name; none where features are not learnt. */
  readonly parameters: ReadonlyMap<string, Variable>;
  /** The same text for the same answers. */
  readonly fingerprint: string;
  readonly #answers: ReadonlyMap<number, TeacherAnswer>;
  readonly #options: TeachingOptions;

  /**
   * @param answers by place in the training data.
   * @param setup numbers that the student's head looks at, what the map is drawn from, the fingerprint of the answers.
   */
  constructor(
    answers: ReadonlyMap<number, TeacherAnswer>,
    options: TeachingOptions,
    { featureSize, random, fingerprint }: {
      featureSize: number;
      random: Random;
      fingerprint: string;
    },
  ) {
    this.fingerprint = fingerprint;
    this.#answers = answers;
    this.#options = options;
    const [first] = answers.values();
    const outputs = options.featureWeight > 0 && first ? first.features.length : 0;
    this.parameters = outputs > 0 ? drawnMap(featureSize, outputs, random) : new Map();
  }

  /**
   * The loss of the labels and those of the teacher together.
   *
   * **Shape** `logits [B, N]`, the last of `features [B, D]` -> scalar
   *
   * @throws {DatasetError} where the teacher has not answered for a clip.
   */
  loss(
    ofLabels: Scalar,
    { logits, features }: Pick<ModelOutput, "logits" | "features">,
    { batch, clips }: TeachingBatch,
  ): Scalar {
    const { weight, featureWeight } = this.#options;
    const answers = this.#answersOf(batch);
    let sum: Tensor = scale(ofLabels, 1 - weight);
    if (weight > 0) sum = add(sum, scale(this.#scoreLoss(logits, answers, clips), weight));
    if (this.parameters.size > 0) {
      const other = this.#featureLoss(features!.at(-1)!, answers, clips);
      sum = add(sum, scale(other, featureWeight));
    }
    return sum as Scalar;
  }

  /** What the teacher says of each clip of a batch: of mixed clips of either, and how much that counts. */
  #answersOf({ indices, mixed }: TeachingBatch["batch"]): [TeacherAnswer, number][][] {
    const answerOf = (place: number | undefined): TeacherAnswer => {
      const answer = place === undefined ? undefined : this.#answers.get(place);
      if (answer) return answer;
      throw new DatasetError(
        `Cannot learn from a teacher: expected its answer for training clip ${place}, found none`,
      );
    };
    return Array.from(indices ?? [undefined], (own, i) => {
      if (!mixed) return [[answerOf(own), 1]];
      return [[answerOf(own), mixed.share], [answerOf(mixed.indices[i]), 1 - mixed.share]];
    });
  }

  #scoreLoss(logits: Tensor, answers: [TeacherAnswer, number][][], clips: number): Tensor {
    const { problemType, temperature } = this.#options;
    const targetOf = (scores: readonly number[]): number[] => {
      if (problemType === "single_label_classification") return softmax(scores, temperature);
      if (problemType === "regression") return [...scores];
      return scores.map((score) => 1 / (1 + Math.exp(-score)));
    };
    const targets = answers.map((pair) =>
      weighed(pair.map(([{ scores }, share]) => [targetOf(scores), share]))
    );
    const shares = Float32Array.from(targets.flat());
    if (problemType === "single_label_classification") {
      const softened = divergence(scale(logits, 1 / temperature), { shares, clips });
      // Softened slopes are smaller by the square; this keeps the balance with the labels.
      return scale(softened, temperature ** 2);
    }
    const kind = problemType === "regression" ? "squaredError" : "binaryCrossEntropy";
    const normalizer = clips * logits.shape[1]!;
    return elementLoss(logits, tensor(shares, logits.shape), { kind, normalizer });
  }

  /** 1 - the correlation of both: half the mean squared difference of normalised vectors. */
  #featureLoss(seen: Tensor, answers: [TeacherAnswer, number][][], clips: number): Tensor {
    const mapped = linear(seen, this.parameters.get(WEIGHT)!, { bias: this.parameters.get(BIAS)! });
    const [batch, size] = mapped.shape as [number, number];
    const plain = layerNorm(mapped, ones([size]), zeros([size]), { eps: NORM_EPS });
    const rows = answers.flatMap((pair) =>
      normalised(weighed(pair.map(([{ features }, share]) => [normalised(features), share])))
    );
    const wanted = tensor2d(Float32Array.from(rows), [batch, size]);
    return elementLoss(plain, wanted, { kind: "squaredError", normalizer: 2 * clips * size });
  }

  /** The map, for saving. */
  *tensors(): Iterable<StoredTensor> {
    for (const [name, value] of this.parameters) yield storedTensor(name, value);
  }

  /** Takes the map back. */
  async restore(saved: ParameterSource): Promise<void> {
    for (const [name, value] of this.parameters) {
      const before = tensor(await readAs(saved, name, value.shape), value.shape);
      value.assign(before);
      before.dispose();
    }
  }

  /** Frees the map. */
  dispose(): void {
    for (const value of this.parameters.values()) value.dispose();
  }
}

function drawnMap(inputs: number, outputs: number, random: Random): Map<string, Variable> {
  const spread = 1 / Math.sqrt(inputs);
  const values = Float32Array.from({ length: outputs * inputs }, () => spread * random.normal());
  const weight = tensor2d(values, [outputs, inputs]);
  const bias = zeros([outputs]);
  const map = new Map([[WEIGHT, variable(weight)], [BIAS, variable(bias)]]);
  weight.dispose();
  bias.dispose();
  return map;
}

/** The sum of vectors, each times its share. */
function weighed(parts: readonly [readonly number[], number][]): number[] {
  const [[first]] = parts as [[readonly number[], number]];
  return first.map((_, i) => parts.reduce((sum, [vector, share]) => sum + share * vector[i]!, 0));
}

/** A vector of mean 0 and variance 1. */
function normalised(vector: ArrayLike<number>): number[] {
  const values = Array.from(vector);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return values.map((value) => (value - mean) / Math.sqrt(variance + NORM_EPS));
}
