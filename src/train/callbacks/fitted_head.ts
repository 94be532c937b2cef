/**
 * A head that is fitted in the place of training: the model computes the features of each clip once, in evaluation mode,
 * and its last layer becomes what fits them. No step is taken.
 *
 * @module
 */
import { tidy } from "@tensorflow/tfjs-core";
import { DatasetError, UnsupportedOpError } from "../../errors.ts";
import { fitCentroids } from "../../heads/centroid_fit.ts";
import {
  type ClipVectors,
  fitLinear,
  type LabelledVectors,
  type Layer,
} from "../../heads/linear_fit.ts";
import { fitNeighbours } from "../../heads/neighbour_fit.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { type BatchSource, upload } from "../batches/batches.ts";
import type { CallbackEvent, TrainerCallback } from "./callbacks.ts";
import { type HeadPlace, headPlaceOf, placeOfLastLayer } from "./_head_place.ts";

/** Which heads there are: logistic regression, the nearest class mean, and the nearest examples. */
export const HEAD_KINDS = ["linear", "centroid", "knn"] as const;

/** A kind of head. */
export type HeadKind = (typeof HEAD_KINDS)[number];

/** How a head is fitted. */
export interface FittedHeadOptions {
  /** @default "linear" */
  kind?: HeadKind;
  /** What a clip belongs with, such as its speaker. @default each clip is by itself */
  groupOf?: (clip: number) => string;
  /** Called with what was chosen. */
  onFitted?: (head: FittedHead) => void;
}

/** What was fitted, and how. */
export interface FittedHead {
  kind: HeadKind;
  clips: number;
  /** What held the weights of a linear head down; 1 where there was nothing to choose by. */
  l2?: number;
  /** What the distances of a centroid head are divided by. */
  temperature?: number;
  /** How many of the nearest examples vote. */
  neighbours?: number;
  /** Mean loss of clips that were left out, with that; undefined where there were no two groups to choose by. */
  heldOutLoss?: number;
}

/** Fits the last layer when a run begins, and ends the run. */
export class FittedHeadCallback implements TrainerCallback {
  readonly #options: FittedHeadOptions;

  /** `options`: the kind, groups, and who is told of the result. */
  constructor(options: FittedHeadOptions = {}) {
    this.#options = options;
  }

  /** Fits, and leaves no step to take. */
  async onTrainBegin(...event: CallbackEvent): Promise<void> {
    const [args, _state, control, { model, trainDataset }] = event;
    const { kind = "linear", groupOf = String, onFitted } = this.#options;
    expectKind(kind, model);
    const place = headPlaceOf(model);
    const batchSize = args.perDeviceEvalBatchSize;
    const { data, indices } = await vectorsOf(trainDataset, { model, place, batchSize });
    const groups = indices.map(groupOf);
    const clips = new Set(indices).size;
    // The last layer of a head by neighbours is for programs that do not know these.
    const { weights, biases, ...chosen } = fitted(kind, data, groups);
    place.put({ weights, biases });
    control.shouldTrainingStop = true;
    if (kind !== "knn") return onFitted?.({ kind, clips, ...chosen });
    const seen = { model, place: placeOfLastLayer(model), batchSize };
    const examples = await vectorsOf(trainDataset, seen);
    const { neighbours, heldOutLoss } = fitNeighbours(examples.data as LabelledVectors, groups);
    model.neighbours = neighbours;
    onFitted?.({ kind, clips, neighbours: neighbours.examples.count, heldOutLoss });
  }
}

/** @throws {UnsupportedOpError} where there are no classes to tell apart, or the head is for one a clip alone. */
function expectKind(kind: HeadKind, { problemType }: AudioClassificationModel): void {
  const isFitting = problemType === "single_label_classification" ||
    problemType === "multi_label_classification" && kind === "linear";
  if (isFitting) return;
  const expected = kind === "linear" ? "classes" : "one label a clip";
  throw new UnsupportedOpError(
    `Cannot fit a ${kind} head: expected ${expected}, found ${problemType}`,
  );
}

function fitted(
  kind: HeadKind,
  data: ClipVectors,
  groups: readonly string[],
): Layer & Pick<FittedHead, "l2" | "temperature" | "heldOutLoss"> {
  return kind !== "linear" && "labels" in data
    ? fitCentroids(data, groups)
    : fitLinear(data, { groups });
}

/** What the last layer sees of each clip. **Shape** -> `vectors [n, P]` */
async function vectorsOf(
  source: BatchSource,
  { model, place, batchSize }: {
    model: AudioClassificationModel;
    place: Pick<HeadPlace, "vectors">;
    batchSize: number;
  },
): Promise<{ data: ClipVectors; indices: number[] }> {
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  for await (const batch of source.batches(-1, { batchSize })) {
    const sent = upload(batch);
    const vectors = tidy(() => place.vectors(sent.features(model)));
    sent.dispose();
    rows.push(await vectors.data() as Float32Array);
    vectors.dispose();
    for (let i = 0; i < batch.shape[0]!; i++) indices.push(batch.indices?.[i] ?? indices.length);
    for (const label of batch.labels) labels.push(label);
  }
  if (indices.length === 0) {
    throw new DatasetError("Cannot fit a head: expected clips, found none");
  }
  const known = { vectors: joined(rows), classes: model.labels.length };
  const isSingle = model.problemType === "single_label_classification";
  return { data: { ...known, ...isSingle ? { labels } : { targets: labels } }, indices };
}

function joined(rows: readonly Float32Array[]): Float64Array {
  const all = new Float64Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
