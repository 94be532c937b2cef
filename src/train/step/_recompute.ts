/**
 * Gradient checkpointing: a layer keeps its input alone and is computed again when its gradient is asked for.
 *
 * In training, the tape keeps what each kernel needs for its gradient, and all gradients of inner values until the last
 * is known. With this, it holds one entry for a layer, and only one layer at a time is spread out. The numbers are the
 * same to the bit: the same kernels run on the same values, and the random stream is set back to where the layer found
 * it.
 *
 * A layer is any pure function of tensors, parameters and noise, nested in plain data; which tensors its gradient flows
 * to is read off the tape. So it knows no architecture.
 *
 * Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
 *
 * @module
 */
import { engine, Tensor, tidy, Variable } from "@tensorflow/tfjs-core";
import { isRecording } from "../../kernels.ts";
import { Noise } from "../../layers/noise.ts";

type Tape = ReturnType<typeof engine>["state"]["activeTape"];

/**
 * A layer that gives the same numbers and the same gradients, but keeps nothing in between for them.
 *
 * @param layer gives a new tensor; its arguments are tensors, noise and plain data that hold such.
 */
export function recomputed<Args extends unknown[]>(
  layer: (...args: Args) => Tensor,
): (...args: Args) => Tensor {
  return (...args) => isRecording() ? withOneEntry(layer, args) : layer(...args);
}

/** Runs a layer and puts it on the tape as one operation. */
function withOneEntry<Args extends unknown[]>(
  layer: (...args: Args) => Tensor,
  args: Args,
): Tensor {
  const atStart = replaced(args, replayOnce()) as Args;
  const { y, used } = forward(() => layer(...args));
  const tensors = leavesOf(args).filter((leaf) => leaf instanceof Tensor);
  const flowing = tensors.filter((leaf) => used.has(leaf.id) && hasGradient(leaf));
  if (flowing.length === 0) return y;
  const kept = tensors.filter((leaf) => !(leaf instanceof Variable));
  return engine().customGrad((...inputs) => {
    const save = inputs.pop() as (tensors: Tensor[]) => void;
    save(kept);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const copies = new Map(kept.map((leaf, i) => [leaf.id, saved[i]!]));
      const copyOf = (leaf: Tensor): Tensor => copies.get(leaf.id) ?? leaf;
      const again = replaced(
        atStart,
        (leaf) => leaf instanceof Noise ? leaf : copyOf(leaf),
      ) as Args;
      return gradients(() => layer(...again), flowing.map(copyOf), dy);
    };
    return { value: y, gradFunc };
  })(...flowing);
}

/** Gives noise that stands in several places one replay, as it was one stream in the first run. */
function replayOnce(): (leaf: Leaf) => Leaf {
  const replays = new Map<Noise, Noise>();
  return (leaf) => {
    if (!(leaf instanceof Noise)) return leaf;
    const replay = replays.get(leaf) ?? leaf.replay();
    replays.set(leaf, replay);
    return replay;
  };
}

/** The result of a body, and the ids of the tensors that it worked on; nothing is kept for a gradient. */
function forward(body: () => Tensor): { y: Tensor; used: Set<number> } {
  return withTape([], (tape) => {
    const y = tidy(body);
    for (const { saved } of tape) saved?.forEach((tensor) => tensor.dispose());
    const used = tape.flatMap(({ inputs }) => Object.values(inputs).map(({ id }) => id));
    return { y, used: new Set(used) };
  });
}

/** Gradients of a body, for each of `xs`, on a tape of their own: the outer one is being read at this time. */
function gradients(body: () => Tensor, xs: Tensor[], dy: Tensor): Tensor[] {
  return withTape(undefined, () => {
    const { value, grads } = engine().gradients(body, xs, dy);
    value.dispose();
    return grads;
  });
}

/** Runs a body while the engine records on another tape. */
function withTape<Result>(tape: Tape | undefined, body: (tape: Tape) => Result): Result {
  const { state } = engine();
  const outer = state.activeTape;
  state.activeTape = tape!;
  try {
    return body(tape!);
  } finally {
    state.activeTape = outer;
  }
}

/** Whether it is a parameter that training changes, or was computed on the tape. */
function hasGradient(leaf: Tensor): boolean {
  if (leaf instanceof Variable) return leaf.trainable;
  return engine().state.activeTape.some(({ outputs }) => outputs.some(({ id }) => id === leaf.id));
}

type Leaf = Tensor | Noise;

/** The distinct tensors and noises in nested plain data. */
function leavesOf(value: unknown): Leaf[] {
  const leaves = new Set<Leaf>();
  replaced(value, (leaf) => {
    leaves.add(leaf);
    return leaf;
  });
  return [...leaves];
}

/** Nested plain data with other tensors and noises in it; everything else stays as it is. */
function replaced(value: unknown, change: (leaf: Leaf) => Leaf): unknown {
  if (value instanceof Tensor || value instanceof Noise) return change(value);
  if (Array.isArray(value)) return value.map((item) => replaced(item, change));
  if (typeof value !== "object" || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, replaced(item, change)]),
  );
}
