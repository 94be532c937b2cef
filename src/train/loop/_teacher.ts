/**
 * A teacher's answers for the training clips, each as it is, in evaluation mode.
 *
 * It hears clips through its own extractor, at its own rate; of windows of a long clip its answer is the mean.
 *
 * @module
 */
import { tidy } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../errors.ts";
import type { FeatureExtractor } from "../../features/mod.ts";
import type { InferenceModel } from "../../models/inference_model.ts";
import type { AudioClassificationModel } from "../../models/model.ts";
import { Random } from "../../random.ts";
import { type Batch, type BatchSource, firstClip, upload } from "../batches/batches.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import { type TeacherAnswer, Teaching } from "../step/teaching.ts";

/** A model to learn from. */
export interface Teacher {
  /** It stays as it is. */
  model: InferenceModel;
  /** What it takes clips through. */
  featureExtractor: FeatureExtractor;
  /** The training clips as it takes them, where they are given as batches and not as a data set. */
  trainDataset?: BatchSource;
}

/** What a run and its teacher have to do with each other. */
export interface TeachingPlan {
  teacher: InferenceModel;
  /** The training clips as the teacher takes them. */
  heard: BatchSource;
  model: AudioClassificationModel;
  /** The same clips as the model takes them. */
  trainData: BatchSource;
  args: TrainingArguments;
}

/** Sets the draw of the map apart from that of the model's weights. */
const MAP_KEY = 0x7eac4;

/**
 * Asks the teacher about every clip.
 *
 * @throws {UnsupportedOpError} where it answers another kind of question.
 * @throws {RangeError} where its scores are asked for, and it lacks one of the classes.
 */
export async function teachingOf(
  { teacher, heard, model, trainData, args }: TeachingPlan,
): Promise<Teaching> {
  const places = placesOfLabels(teacher, model, args);
  const found = new Map<number, TeacherAnswer[]>();
  let rows = 0;
  for await (const batch of heard.batches(-1, { batchSize: args.perDeviceEvalBatchSize })) {
    const answers = await answersOf(teacher, batch, places);
    for (const [i, answer] of answers.entries()) {
      const index = batch.indices?.[i] ?? rows + i;
      found.set(index, [...found.get(index) ?? [], answer]);
    }
    rows += answers.length;
  }
  const answers = new Map(found.entries().map(([index, all]) => [index, meanOf(all)]));
  const { teacherWeight: weight, teacherTemperature: temperature } = args;
  const { problemType } = model;
  return new Teaching(
    answers,
    { problemType, weight, temperature, featureWeight: args.teacherFeatureWeight },
    {
      featureSize: await featureSizeOf(model, trainData),
      random: new Random(args.seed ^ MAP_KEY),
      fingerprint: await fingerprintOf(answers),
    },
  );
}

async function fingerprintOf(answers: ReadonlyMap<number, TeacherAnswer>): Promise<string> {
  const all = [...answers].sort(([a], [b]) => a - b);
  const numbers = all.flatMap(([place, { scores, features }]) => [place, ...scores, ...features]);
  const digest = await crypto.subtle.digest("SHA-256", Float32Array.from(numbers));
  return new Uint8Array(digest).toHex();
}

/** For each class of the student the teacher's number of it; none where its scores are not asked for. */
function placesOfLabels(
  teacher: InferenceModel,
  { labels, problemType }: AudioClassificationModel,
  { teacherWeight }: TrainingArguments,
): number[] {
  if (teacherWeight === 0) return [];
  if (teacher.problemType !== problemType) {
    throw new UnsupportedOpError(
      `Cannot learn the scores of a teacher of "${teacher.problemType}": expected "${problemType}"`,
      { hint: "With `teacherWeight: 0` its features alone are learnt" },
    );
  }
  return labels.map((label) => {
    const place = teacher.labels.indexOf(label);
    if (place >= 0) return place;
    throw new RangeError(
      `Cannot learn the scores of a teacher: expected it to know the class "${label}", found ` +
        `${
          teacher.labels.slice(0, 10).join(", ")
        }; with \`teacherWeight: 0\` its features alone are learnt`,
    );
  });
}

async function answersOf(
  teacher: InferenceModel,
  batch: Batch,
  places: readonly number[],
): Promise<TeacherAnswer[]> {
  const sent = upload(batch);
  const [logits, seen] = tidy(() => {
    const { logits, features } = sent.output(teacher, { outputFeatures: true });
    return [logits, features!.at(-1)!];
  });
  sent.dispose();
  const [scores, features] = await Promise.all([logits.data(), seen.data()]);
  const [classes, size] = [logits.shape[1]!, seen.shape[1]!];
  logits.dispose();
  seen.dispose();
  return Array.from({ length: batch.shape[0]! }, (_, i) => ({
    scores: places.map((place) => scores[i * classes + place]!),
    features: Float32Array.from(features.subarray(i * size, (i + 1) * size)),
  }));
}

/** Of the windows of one clip. */
function meanOf(answers: TeacherAnswer[]): TeacherAnswer {
  const [first] = answers as [TeacherAnswer];
  if (answers.length === 1) return first;
  const mean = (valueOf: (answer: TeacherAnswer) => number) =>
    answers.reduce((sum, answer) => sum + valueOf(answer), 0) / answers.length;
  return {
    scores: first.scores.map((_, k) => mean(({ scores }) => scores[k]!)),
    features: first.features.map((_, k) => mean(({ features }) => features[k]!)),
  };
}

/** How many numbers the model's head looks at. */
async function featureSizeOf(model: AudioClassificationModel, data: BatchSource): Promise<number> {
  for await (const batch of data.batches(-1, { batchSize: 1 })) {
    const sent = upload(firstClip(batch));
    const size = tidy(() => sent.features(model).at(-1)!.shape[1]!);
    sent.dispose();
    return size;
  }
  return 0;
}
