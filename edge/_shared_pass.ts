/**
 * One pass of the model for clips of several requests, which come out as if each had had its own.
 *
 * The clips of a group are decoded each by itself; the last that is ready has all computed. Rows of a batch do not know
 * of each other, to the bit, and nothing is padded: clips of other lengths get a pass of their own.
 *
 * @module
 */
import type { ClipOutputs, ModelBatch } from "../src/models/mod.ts";

/** Computes a batch. */
type Compute = (batch: ModelBatch) => Promise<ClipOutputs[]>;

interface Member extends PromiseWithResolvers<ClipOutputs[]> {
  batch: ModelBatch;
  compute: Compute;
}

/** The pass of a group of clips. */
export class SharedPass {
  readonly #members: Member[] = [];
  readonly #onDone: () => void;
  #awaited: number;
  #hasBegun = false;

  /**
   * @param size how many clips share it.
   * @param onDone is called when all clips have computed or given up.
   */
  constructor(size: number, onDone: () => void) {
    this.#awaited = size;
    this.#onDone = onDone;
  }

  /** Computes a clip when all others of the group are ready, or have given up. */
  readonly share = (batch: ModelBatch, compute: Compute): Promise<ClipOutputs[]> => {
    if (this.#hasBegun) return compute(batch);
    const member = { batch, compute, ...Promise.withResolvers<ClipOutputs[]>() };
    this.#members.push(member);
    this.#beginIfComplete();
    return member.promise;
  };

  /** A clip of the group is answered, or cannot be. */
  leave(): void {
    this.#awaited--;
    this.#beginIfComplete();
    if (this.#awaited === 0) this.#onDone();
  }

  #beginIfComplete(): void {
    if (this.#hasBegun || this.#members.length < this.#awaited) return;
    this.#hasBegun = true;
    const shapes = new Set(this.#members.map(widthOf));
    for (const shape of shapes) {
      computeTogether(this.#members.filter((member) => widthOf(member) === shape));
    }
  }
}

/** What clips of one batch have in common. */
function widthOf({ batch: { shape } }: Member): string {
  return shape.slice(1).join();
}

async function computeTogether(members: Member[]): Promise<void> {
  try {
    const rows = await members[0]!.compute(joined(members.map(({ batch }) => batch)));
    let at = 0;
    for (const { batch, resolve } of members) resolve(rows.slice(at, at += batch.shape[0]!));
  } catch (error) {
    for (const { reject } of members) reject(error);
  }
}

function joined(batches: ModelBatch[]): ModelBatch {
  const [first, ...others] = batches as [ModelBatch, ...ModelBatch[]];
  if (others.length === 0) return first;
  const inputValues = new Float32Array(
    batches.reduce((sum, batch) => sum + batch.inputValues.length, 0),
  );
  let at = 0;
  for (const { inputValues: values } of batches) {
    inputValues.set(values, at);
    at += values.length;
  }
  const clips = batches.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return {
    ...first,
    inputValues,
    shape: [clips, ...first.shape.slice(1)],
    ...first.lengths && {
      lengths: Int32Array.from(batches.flatMap(({ lengths }) => Array.from(lengths!))),
    },
  };
}
