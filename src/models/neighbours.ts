/**
 * A classifier by the nearest examples: clips that were given, as the vectors that the last layer would see.
 *
 * Its form is none that transformers has. The examples lie beside the weights in the same file, under names that
 * transformers leaves out with a warning, so that they are wherever the weights are; the last layer in that file is
 * another classifier, for programs that do not know them.
 *
 * @module
 */
import { CheckpointError, UnsupportedOpError } from "../errors.ts";
import type { ParameterSource, StoredTensor } from "../layers/parameters.ts";

const PREFIX = "earshot.neighbours.";
const NAMES = {
  vectors: `${PREFIX}vectors`,
  labels: `${PREFIX}labels`,
  count: `${PREFIX}count`,
} as const;

/** Votes that are shared among all classes, so that none is impossible. */
const SHARED_VOTES = 0.5;

/**
 * Examples of classes.
 *
 * @example
 * ```ts
 * import type { Examples } from "@earshot/earshot/models";
 * import { equal } from "node:assert/strict";
 *
 * const examples: Examples = {
 *   vectors: Float32Array.of(0, 0, 1, 1),
 *   labels: Int32Array.of(0, 1),
 *   classes: 2,
 *   count: 1,
 * };
 * equal(examples.vectors.length / examples.labels.length, 2);
 * ```
 */
export interface Examples {
  /** `[n, P]`, row by row. */
  vectors: Float32Array;
  /** `[n]` */
  labels: Int32Array;
  /** How many classes there are. */
  classes: number;
  /** How many neighbours vote. */
  count: number;
}

/** Whether a tensor of a checkpoint is part of the examples. */
export function isOfNeighbours(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Examples that vote for the class of a vector.
 *
 * @example
 * ```ts
 * import { AutoModelForAudioClassification } from "@earshot/earshot";
 * import type { Neighbours } from "@earshot/earshot/models";
 * import { equal } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * // A model that `train` fitted with a head by nearest neighbours has some; this one has a last layer.
 * const neighbours: Neighbours | undefined = model.neighbours;
 * equal(neighbours, undefined);
 * model.dispose();
 * ```
 */
export class Neighbours {
  /** What it was made of. */
  readonly examples: Examples;
  /** Numbers are measured by their deviation over the examples. */
  readonly #factors: Float64Array;

  /** `examples`: at least one. */
  constructor(examples: Examples) {
    this.examples = examples;
    this.#factors = inverseDeviations(examples);
  }

  /** The logarithms of the classes' shares of the votes. **Shape** `vector [P]` -> `[N]` */
  logits(vector: ArrayLike<number>): Float32Array {
    const { labels, classes, count } = this.examples;
    const distances = Array.from(labels, (_, row) => this.#distance(row, vector));
    const nearest = [...distances.keys()].sort((a, b) => distances[a]! - distances[b]!)
      .slice(0, count);
    const furthest = distances[nearest.at(-1)!]! || 1;
    const votes = new Float64Array(classes).fill(SHARED_VOTES / classes);
    // The nearest counts twice what the furthest does, so that equal numbers of votes are no tie.
    for (const row of nearest) votes[labels[row]!]! += 1 - distances[row]! / furthest / 2;
    const sum = votes.reduce((a, b) => a + b);
    return Float32Array.from(votes, (vote) => Math.log(vote / sum));
  }

  #distance(row: number, vector: ArrayLike<number>): number {
    const { vectors } = this.examples;
    const size = this.#factors.length;
    let sum = 0;
    for (let d = 0; d < size; d++) {
      sum += ((vectors[row * size + d]! - vector[d]!) * this.#factors[d]!) ** 2;
    }
    return Math.sqrt(sum);
  }

  /** The examples as tensors of a checkpoint. */
  tensors(): StoredTensor[] {
    const { vectors, labels, count } = this.examples;
    const shape = [labels.length, vectors.length / labels.length];
    const values = <T>(array: T) => () => Promise.resolve(array);
    return [
      { name: NAMES.vectors, dtype: "F32", shape, values: values(vectors) },
      { name: NAMES.labels, dtype: "I64", shape: [labels.length], values: values(labels) },
      { name: NAMES.count, dtype: "I64", shape: [1], values: values(Int32Array.of(count)) },
    ];
  }
}

function inverseDeviations({ vectors, labels }: Examples): Float64Array {
  const size = vectors.length / labels.length;
  return Float64Array.from({ length: size }, (_, d) => {
    const own = Array.from(labels, (_, row) => vectors[row * size + d]!);
    const mean = own.reduce((a, b) => a + b) / own.length;
    const square = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
    return 1 / (Math.sqrt(square) || 1);
  });
}

/**
 * The examples of a checkpoint; undefined where it has none, or where they are of other classes than those asked for.
 *
 * @throws {CheckpointError} where they are broken.
 */
export async function readNeighbours(
  source: ParameterSource,
  { classes, isAsked }: { classes: number; isAsked: boolean },
): Promise<Neighbours | undefined> {
  const shape = source.shape(NAMES.vectors);
  if (!shape) return undefined;
  const [labelShape, countShape] = [source.shape(NAMES.labels), source.shape(NAMES.count)];
  const [clips = 0, size = 0] = shape;
  const isWhole = shape.length === 2 && clips > 0 && size > 0 && labelShape?.length === 1 &&
    labelShape[0] === clips && countShape?.[0] === 1;
  if (!isWhole) throw broken(source, "as many labels as vectors");
  const labels = Int32Array.from(await source.read(NAMES.labels));
  const [count] = await source.read(NAMES.count);
  if (!labels.every((label) => label >= 0 && label < classes)) {
    if (isAsked) return undefined;
    throw broken(source, `labels below ${classes}`);
  }
  if (!(count! >= 1 && count! <= clips)) throw broken(source, `a count from 1 to ${clips}`);
  const vectors = Float32Array.from(await source.read(NAMES.vectors));
  return new Neighbours({ vectors, labels, classes, count: count! });
}

/**
 * Refuses a model that examples answer for, where its last layer alone would go.
 *
 * @throws {UnsupportedOpError} saying what it cannot do.
 */
export function expectLastLayer(
  { neighbours }: { neighbours?: Neighbours | undefined },
  does: string,
): void {
  if (!neighbours) return;
  throw new UnsupportedOpError(
    `Cannot ${does}: expected a last layer, found a head by nearest neighbours`,
    { hint: "Fit a linear or a centroid head to the same clips" },
  );
}

function broken(source: ParameterSource, expected: string): CheckpointError {
  return new CheckpointError(
    `Cannot load the examples of "${source.file}": expected ${expected}, found others`,
    { file: source.file, key: NAMES.vectors },
  );
}
