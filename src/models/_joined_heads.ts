/**
 * Heads of one form as one: their weights lie one after the other, so that two products answer for all of them.
 *
 * A column of a product does not depend on the columns beside it, nor a group of a convolution on the other groups: on a
 * device whose rows have bits of their own each head's scores are to the bit what they are alone. Heads that weigh layers,
 * large ones, whose own products are what they cost, and those that nothing is like stay on their own.
 *
 * @module
 */
import { reshape, tensor, tidy } from "@tensorflow/tfjs-core";
import {
  conv1d,
  disposeWeight,
  linear,
  prepareWeight,
  rowsAreStable,
  type Weight,
} from "../kernels.ts";
import { layerNorm, type NormParams } from "../layers/norm.ts";
import type { ParameterSource } from "../layers/parameters.ts";
import type { Tensor } from "../layers/tensor.ts";

/** The tensors of a head by hub name, in the memory of the program, kept for being joined. */
export type HeadValues = ReadonlyMap<
  string,
  { shape: readonly number[]; values: Float32Array }
>;

/** Heads of more numbers than these are not kept a second time. */
const MOST_NUMBERS = 2 ** 18;

/** The source of a head, and what is read from it from now on; nothing is kept of large heads. */
export function kept(source: ParameterSource): { source: ParameterSource; values: HeadValues } {
  const values = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  const shapes = Array.from(source.names(), (name) => source.shape(name) ?? []);
  const size = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  if (size > MOST_NUMBERS) return { source, values };
  const read = async (name: string) => {
    const found = await source.read(name);
    values.set(name, { shape: source.shape(name)!, values: found.slice() });
    return found;
  };
  return { source: { ...source, read }, values };
}

/** A head that may be joined with others. */
export interface JoinableHead {
  /** Heads that look at the same states have the same. */
  statesKey: string;
  /** Its tensors; none where they were not kept. */
  values: HeadValues;
  /** Its parameters as the architecture nests them. */
  params: unknown;
}

/** Heads that are computed together. */
export interface JoinedHeads {
  /** Their numbers in the list that was given. */
  members: readonly number[];
  /** Which states of the backbone they look at. */
  statesKey: string;
  /** **Shape** `features`: one of `[B, D]` -> `[B, members * N]`; the caller disposes it. */
  logits(features: Tensor[]): Tensor;
  /** Gives the memory of the joined weights back. */
  dispose(): void;
}

/** What can be joined of a list of heads; those that are in none of the answer's groups stay alone. */
export function joinedHeads(heads: readonly JoinableHead[]): JoinedHeads[] {
  if (!rowsAreStable()) return [];
  const groups = new Map<string, number[]>();
  heads.forEach((head, i) => {
    const key = formOf(head);
    if (key !== undefined) groups.set(key, [...groups.get(key) ?? [], i]);
  });
  return [...groups.values()].filter((members) => members.length > 1)
    .map((members) => joined(members, members.map((i) => heads[i]!)));
}

const SPEECH = ["classifier.bias", "classifier.weight", "projector.bias", "projector.weight"];
/** The parts of heads with a norm before the classifier: those of AST and of CED. */
const NORMED = [
  { dense: "classifier.dense", norm: "classifier.layernorm" },
  { dense: "outputlayer.1", norm: "outputlayer.0" },
];

/** The parts of a head that has a norm, and nothing else. */
function normedParts(values: HeadValues): typeof NORMED[number] | undefined {
  return NORMED.find(({ dense, norm }) => {
    const names = [dense, norm].flatMap((part) => [`${part}.bias`, `${part}.weight`]).sort();
    return [...values.keys()].sort().join() === names.join();
  });
}

/** Equal text for heads that can be joined; undefined for one that cannot. */
function formOf({ values, statesKey }: JoinableHead): string | undefined {
  const names = [...values.keys()].sort();
  const parts = normedParts(values);
  if (!parts && names.join() !== SPEECH.join()) return undefined;
  // A group of one channel and one output is computed in another way.
  const small = names.some((name) => values.get(name)!.shape.some((length) => length === 1));
  if (small) return undefined;
  const shapes = names.map((name) => `${name} ${values.get(name)!.shape}`);
  // Heads with another gain or bias see another vector.
  const norm = parts
    ? ["bias", "weight"].map((part) => values.get(`${parts.norm}.${part}`)!.values.join())
    : [];
  return [statesKey, ...shapes, ...norm].join(";");
}

function joined(members: readonly number[], heads: readonly JoinableHead[]): JoinedHeads {
  const [first] = heads as [JoinableHead];
  const product = first.values.has("projector.weight")
    ? projected(heads)
    : normed(heads, first.params as { head: { norm: NormParams } });
  return { members, statesKey: first.statesKey, ...product };
}

type Product = Pick<JoinedHeads, "logits" | "dispose">;

/** A projector of each head as one product, and their classifiers as groups of a convolution. */
function projected(heads: readonly JoinableHead[]): Product {
  const [projector, first] = ["projector", "classifier"].map((name) => stacked(heads, name));
  const [outputs, width] = first!.shape as [number, number];
  const groups = heads.length;
  const kernel = laidOut(first!.values, [outputs, width, 1], groups);
  const wide = laidOut(projector!.values, projector!.shape);
  const own = [projector!.bias, first!.bias];
  return {
    logits: ([features]) =>
      tidy(() => {
        const seen = linear(features!, wide, { bias: projector!.bias });
        const [clips, channels] = seen.shape as [number, number];
        const frames = reshape(seen, [clips, 1, channels]);
        return reshape(conv1d(frames, kernel, { groups, bias: first!.bias }), [clips, outputs]);
      }),
    dispose: () => disposeAll([wide, kernel], own),
  };
}

/** The classifiers behind a norm that they share. */
function normed(heads: readonly JoinableHead[], { head }: { head: { norm: NormParams } }): Product {
  const { values, shape, bias } = stacked(heads, normedParts(heads[0]!.values)!.dense);
  const weight = laidOut(values, shape);
  const norm: NormParams = {
    ...{ weight: head.norm.weight.clone(), bias: head.norm.bias.clone(), eps: head.norm.eps },
  };
  return {
    logits: ([pooled]) => tidy(() => linear(layerNorm(norm, pooled!), weight, { bias })),
    dispose: () => disposeAll([weight], [bias, norm.weight, norm.bias]),
  };
}

/** The rows of a layer of all heads. */
function stacked(
  heads: readonly JoinableHead[],
  name: string,
): { values: Float32Array; shape: number[]; bias: Tensor } {
  const rows = heads.map(({ values }) => values.get(`${name}.weight`)!);
  const biases = heads.map(({ values }) => values.get(`${name}.bias`)!.values);
  const [outputs, width] = rows[0]!.shape as [number, number];
  return {
    values: concatenated(rows.map(({ values }) => values)),
    shape: [heads.length * outputs, width],
    bias: tensor(concatenated(biases), [heads.length * outputs]),
  };
}

function laidOut(values: Float32Array, shape: number[], groups?: number): Weight {
  const rows = tensor(values, shape);
  const weight = prepareWeight(rows, { groups });
  rows.dispose();
  return weight;
}

function disposeAll(weights: readonly Weight[], tensors: readonly Tensor[]): void {
  for (const weight of weights) disposeWeight(weight);
  for (const part of tensors) part.dispose();
}

/** One after the other. */
export function concatenated(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
