/**
 * One backbone and several heads: a clip is heard once, and answered by any of them, or by all.
 *
 * Heads come and go while the classifier is in use; one that is replaced lives until its last answer is out.
 *
 * @module
 */
import type { AudioInput } from "./_audio_input.ts";
import type { DetectOptions } from "./_detect.ts";
import type { Classification } from "./_scores.ts";
import type { SoundSource } from "./_sound_source.ts";
import {
  type AudioClassifier,
  type ClassifierOptions,
  type ClassifierParts,
  classifierParts,
  type ClassifyOptions,
  type LoadedClassifier,
} from "./classifier.ts";
import type { DetectedEvent } from "../detect/mod.ts";
import type { BackboneFacts } from "../heads/backbone.ts";
import { headFiles } from "../heads/head_directory.ts";
import { type HeadExamples, storedHead, teachHead } from "../heads/taught_head.ts";
import type { HeadPlan, InferenceModel } from "../models/mod.ts";

/** A head by its name. */
export interface HeadFacts {
  /** By which it is asked for. */
  name: string;
  /** Class names by number. */
  labels: readonly string[];
}

/** A head as it was fitted. */
export interface FittedHead extends Pick<HeadFacts, "labels"> {
  /** What held the weights down. */
  l2: number;
  /** The files of its directory; none where the backbone's fingerprint is not known. */
  files: { name: string; bytes: Uint8Array }[];
}

/** Options of a call, and which head is to answer. */
export interface HeadedClassifyOptions extends ClassifyOptions {
  /** Its name. @default the model's own; the first where it has none */
  head?: string;
}

/** The heads of a classifier. */
export interface ClassifierHeads {
  /** All, in the order in which they came. */
  list(): HeadFacts[];
  /** What heads say that are fitted here of their backbone, where it is known. */
  readonly backbone?: BackboneFacts;
  /** The classes of a clip by every head, after one pass of the backbone. */
  classify(input: AudioInput, options?: ClassifyOptions): Promise<Record<string, Classification[]>>;
  /** What a head looks at of a clip: one vector, for `fit`. */
  features(input: AudioInput, options?: ClassifyOptions): Promise<Float32Array>;
  /** Fits a linear head to examples, under a name of its own or in the place of one. */
  fit(name: string, examples: HeadExamples): Promise<FittedHead>;
  /** Takes a head away; nothing happens where there is none of the name. */
  remove(name: string): void;
}

/** A classifier of several heads. */
export interface HeadedClassifier extends AudioClassifier {
  /** The classes of one clip, in descending order of score, by one of the heads. */
  (input: AudioInput, options?: HeadedClassifyOptions): Promise<Classification[]>;
  /** The same of each clip of a list. */
  (inputs: readonly AudioInput[], options?: HeadedClassifyOptions): Promise<Classification[][]>;
  /** Which there are, and all of them at once. */
  readonly heads: ClassifierHeads;
  /** As that of any classifier, by one of the heads. */
  detect(
    source: SoundSource,
    options?: DetectOptions & Pick<HeadedClassifyOptions, "head">,
  ): AsyncGenerator<DetectedEvent, void, void>;
}

/** All heads, as they are computed together until one comes or goes. */
interface Joint {
  plan: HeadPlan;
  /** Calls that are not over. */
  uses: number;
  isGone: boolean;
}

/** A head in use. */
interface Entry {
  model: InferenceModel;
  parts: ClassifierParts;
  /** Calls that are not over. */
  uses: number;
  isGone: boolean;
}

/**
 * Makes a classifier of a backbone and its heads.
 *
 * @param backbone its own head answers where none is named, if it has one; disposed with the classifier, as heads are.
 * @param heads as `withHead` of the backbone gives them.
 * @param options as for a classifier, and what heads that are fitted say of their backbone.
 */
export function createHeadedClassifier(
  { model, extractor }: LoadedClassifier,
  heads: ReadonlyMap<string, InferenceModel>,
  { backbone, ...options }: ClassifierOptions & { backbone?: BackboneFacts } = {},
): HeadedClassifier {
  const entries = new Map<string, Entry>();
  const own = classifierParts(model, extractor, options);
  let joint: Joint | undefined;
  const changeHeads = () => {
    if (joint) leaveJoint(joint);
    joint = undefined;
  };
  const add = (name: string, head: InferenceModel) => {
    changeHeads();
    const before = entries.get(name);
    const parts = classifierParts(head, extractor, options);
    entries.set(name, { model: head, parts, uses: 0, isGone: false });
    if (before) leave(before);
  };
  for (const [name, head] of heads) add(name, head);

  async function classifyAll(
    input: AudioInput,
    asked: ClassifyOptions = {},
  ): Promise<Record<string, Classification[]>> {
    const used = [...entries];
    if (used.length === 0) return {};
    const together = joint ??= {
      plan: model.joinHeads(used.map(([, entry]) => entry.model)),
      uses: 0,
      isGone: false,
    };
    together.uses++;
    for (const [, entry] of used) entry.uses++;
    try {
      const { plan } = together;
      const [outputs] = await own.outputsOf(
        [input],
        asked,
        (batch) => model.headOutputs(batch, plan),
      );
      const rows = plan.parted(outputs!);
      return Object.fromEntries(used.map(([name, { parts }], i) => {
        return [name, parts.answer(rows[i]!, asked)];
      }));
    } finally {
      for (const [, entry] of used) end(entry);
      together.uses--;
      if (together.isGone && together.uses === 0) disposePlan(together.plan);
    }
  }

  let probe: Promise<InferenceModel> | undefined;
  /** A head that looks at what linear heads look at, whatever the model's own does. */
  function linearProbe(): Promise<InferenceModel> {
    const zeros = { weights: new Float32Array(2 * model.featureSize), biases: [0, 0] };
    const head = model.linearHead(zeros, ["0", "1"]);
    return probe ??= model.withHead(storedHead(head, "a linear head"));
  }
  async function features(input: AudioInput, asked: ClassifyOptions = {}): Promise<Float32Array> {
    const looking = await linearProbe();
    const compute = (batch: Parameters<InferenceModel["outputs"]>[0]) =>
      looking.outputs(batch, { outputFeatures: true });
    const [outputs] = await own.outputsOf([input], asked, compute);
    return outputs!.features!;
  }
  async function fit(name: string, examples: HeadExamples): Promise<FittedHead> {
    const { labels, l2, json, tensors } = teachHead(model, examples);
    add(name, await model.withHead(storedHead({ json, tensors }, `the head ${name}`)));
    const stored = tensors.map((tensor) => ({ ...tensor, dtype: "F32" as const }));
    return { labels, l2, files: backbone ? headFiles({ json, backbone, tensors: stored }) : [] };
  }
  function remove(name: string): void {
    changeHeads();
    const entry = entries.get(name);
    entries.delete(name);
    if (entry) leave(entry);
  }

  /** The head of a name; without one the model's own, or the first. */
  function chosen(name: string | undefined): Entry | undefined {
    if (name === undefined && model.hasHead) return undefined;
    const entry = name === undefined ? [...entries.values()][0] : entries.get(name);
    if (entry) return entry;
    const names = [...entries.keys()].join(", ") || "any";
    const found = name === undefined ? "none" : JSON.stringify(name);
    throw new RangeError(`Cannot classify: expected a head, one of ${names}, found ${found}`);
  }
  async function classify(
    input: AudioInput | readonly AudioInput[],
    { head, ...asked }: HeadedClassifyOptions = {},
  ): Promise<Classification[] | Classification[][]> {
    const entry = chosen(head);
    const { classifier } = entry?.parts ?? own;
    if (!entry) return await classifier(input as AudioInput, asked);
    entry.uses++;
    try {
      return await classifier(input as AudioInput, asked);
    } finally {
      end(entry);
    }
  }
  async function* detect(
    source: SoundSource,
    { head, ...asked }: DetectOptions & Pick<HeadedClassifyOptions, "head"> = {},
  ): AsyncGenerator<DetectedEvent, void, void> {
    const entry = chosen(head);
    const { classifier } = entry?.parts ?? own;
    if (entry) entry.uses++;
    try {
      yield* classifier.detect(source, asked);
    } finally {
      if (entry) end(entry);
    }
  }
  function dispose(): void {
    changeHeads();
    for (const { parts } of entries.values()) parts.classifier.dispose();
    entries.clear();
    probe?.then((head) => head.dispose(), () => {});
    probe = undefined;
    own.classifier.dispose();
  }
  const list = () => [...entries].map(([name, { model }]) => ({ name, labels: model.labels }));
  const { labels } = model.hasHead ? model : list()[0] ?? { labels: [] };
  const { embed } = own.classifier;
  return Object.assign(classify as HeadedClassifier, {
    ...{ model, extractor, labels, detect, embed, dispose },
    heads: { list, backbone, classify: classifyAll, features, fit, remove },
  });
}

/** Disposed when the last call that uses it is over. */
function leave(entry: Entry): void {
  entry.isGone = true;
  if (entry.uses === 0) entry.parts.classifier.dispose();
}

function end(entry: Entry): void {
  entry.uses--;
  if (entry.isGone && entry.uses === 0) entry.parts.classifier.dispose();
}

function leaveJoint(joint: Joint): void {
  joint.isGone = true;
  if (joint.uses === 0) disposePlan(joint.plan);
}

function disposePlan({ groups }: HeadPlan): void {
  for (const group of groups) group.dispose();
}
