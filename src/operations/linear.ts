/**
 * Affine maps of the last axis: one, one with all that may follow it, and several of one input.
 *
 * @module
 */
import { type Tensor, tidy, Variable } from "@tensorflow/tfjs-core";
import { expectShape, isSame } from "./_shapes.ts";
import {
  type Activation,
  activation,
  activationGrad,
  type FusedActivation,
  isFused,
} from "./activation.ts";
import { add } from "./add.ts";
import { columnSum } from "./column_sum.ts";
import { dropout, type DropoutAttrs, dropoutOperation } from "./dropout.ts";
import {
  type ComposedOperation,
  gradient,
  type Operation,
  type Shape,
  sizeOf,
  type With,
} from "./operation.ts";
import { isRecording, run } from "./run.ts";
import { expectRows, isPacked, type Weight, type WeightLayout, weightShape } from "./weights.ts";

/** What {@linkcode linear} reads; `scale` is that of a packed weight. */
export interface LinearInputs {
  x: Tensor;
  weight: Tensor;
  scale?: Tensor;
  bias?: Tensor;
  residual?: Tensor;
}

/** What follows the map of {@linkcode linear}. */
export interface LinearAttrs {
  /** Applied before the residual is added. */
  activation: FusedActivation;
  /** Whether gradients of both weight and bias will be asked for, as far as is known. */
  trainsBoth: boolean;
  /** How a packed weight lies; absent where it is rows. */
  layout?: WeightLayout;
}

/** What was dropped of the output of a map. */
export interface DroppedAttrs {
  /** Share of `dy` that was dropped. */
  dropoutRate: number;
  /** Seed of what was dropped. */
  dropoutSeed: number;
}

/** What follows the map of {@linkcode linear} where a device does all of it in one kernel. */
export interface FusedLinearAttrs extends LinearAttrs, DroppedAttrs {
  /** Whether the values before the activation are a second output, for the gradient. */
  keepsBefore: boolean;
}

/** What the kernel of several maps knows besides its tensors. */
export interface LinearsAttrs {
  /** Whether gradients of all weights and biases will be asked for. */
  trainsAll: boolean;
  /** How packed weights lie, all in one way; absent where they are rows. */
  layout?: WeightLayout;
}

/** One of the maps of {@linkcode linears}: `weight [O, I]`, `bias [O]`. */
export interface AffineMap {
  weight: Weight;
  bias?: Tensor;
}

const NOTHING_DROPPED: DroppedAttrs = { dropoutRate: 0, dropoutSeed: 0 };

/** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]` */
export const linearOperation: Operation<LinearInputs, LinearAttrs, Tensor> = {
  name: "linear",
  outputs: outputShape,
  gradient: gradient(["x", "weight"], ({ dy, inputs, attrs }) => {
    expectRows(attrs.layout);
    return {
      ...mapSlopes({ ...inputs, dy }, { ...NOTHING_DROPPED, ...attrs }),
      residual: () => dy.clone(),
    };
  }),
  flops: ({ x, weight }, { layout }) => mapFlops(x, layout?.shape ?? weight),
};

/** The same with dropout, and the values before the activation as a second output where they are kept */
export const fusedLinear: ComposedOperation<
  Omit<LinearInputs, "scale">,
  FusedLinearAttrs,
  [y: Tensor, before?: Tensor]
> = {
  name: "fusedLinear",
  outputs: (inputs, attrs) => {
    const shape = outputShape(inputs, attrs);
    return attrs.keepsBefore ? [shape, shape] : [shape];
  },
  composed: ({ x, weight, bias, residual }, attrs) => {
    const { activation: kind, keepsBefore, dropoutRate: rate, dropoutSeed: seed } = attrs;
    const mapped = linear(x, weight, { bias, activation: keepsBefore ? "none" : kind });
    const y = keepsBefore ? activation(mapped, kind) : mapped;
    if (rate > 0) return [dropout(y, { rate, seed }, residual)];
    return [residual ? add(y, residual) : y];
  },
  gradient: gradient(["x", "weight"], ({ dy, inputs, outputs: [, before], attrs }) => {
    const { trainsBoth, dropoutRate: rate, dropoutSeed: seed } = attrs;
    const residual = () => dy.clone();
    const whole = { trainsBoth, ...NOTHING_DROPPED };
    if (before) {
      const inner = run(fusedLinearGrad, { dy, before }, attrs);
      return { ...mapSlopes({ ...inputs, dy: inner }, whole), residual };
    }
    if (trainsBoth) return { ...mapSlopes({ ...inputs, dy }, attrs), residual };
    const inner = run(dropoutOperation, { x: dy }, { rate, seed });
    return { ...mapSlopes({ ...inputs, dy: inner }, whole), residual };
  }, [1]),
  flops: ({ x, weight }) => mapFlops(x, weight),
};

/** The list `x [..., I]`, then `weight [O, I]` and `bias [O]` of each map -> for each `[..., O]` */
export const linearsOperation: ComposedOperation<
  [x: Tensor, ...parameters: Tensor[]],
  LinearsAttrs,
  Tensor[]
> = {
  name: "linears",
  outputs: ([x, ...parameters], { layout }) => {
    const maps = pairsOf(parameters);
    return maps.map(([weight, bias]) => {
      return outputShape({ x, weight, bias, residual: undefined, scale: undefined }, { layout });
    });
  },
  composed: ([x, ...parameters], { layout }) =>
    pairsOf(parameters).map(([values, bias]) =>
      linear(x, layout ? { layout, values } : values, { bias })
    ),
  gradient: {
    inputs: "all",
    slopes: ({ dys, inputs: [x, ...parameters], attrs: { trainsAll, layout } }) => {
      expectRows(layout);
      const weights = pairsOf(parameters).map(([weight]) => weight);
      const joint = trainsAll ? run(linearsGradParameters, [x, ...dys], {}) : [];
      const slopes = dys.flatMap((dy, n) => [
        () => joint[2 * n] ?? run(linearGradWeight, { x, dy }, {}),
        () => joint[2 * n + 1] ?? run(columnSum, { x: dy }, {}),
      ]);
      return [() => run(linearsGradInput, [...dys, ...weights], {}), ...slopes];
    },
  },
  flops: ([x, ...parameters], { layout }) =>
    pairsOf(parameters).reduce((sum, [weight]) => sum + mapFlops(x, layout?.shape ?? weight), 0),
};

/** `dy [..., O]`, `weight [O, I]` -> `dx [..., I]` */
export const linearGradInput: Operation<{ dy: Tensor; weight: Tensor }, DroppedAttrs, Tensor> = {
  name: "linearGradInput",
  outputs: ({ dy, weight }) => [...dy.slice(0, -1), weight[1]!],
};

/** `x [..., I]`, `dy [..., O]` -> `dweight [O, I]` */
export const linearGradWeight: Operation<{ x: Tensor; dy: Tensor }, object, Tensor> = {
  name: "linearGradWeight",
  outputs: ({ x, dy }) => [dy.at(-1)!, x.at(-1)!],
};

/** `x`, `dy` -> `dweight`, `dbias [O]` */
export const linearGradParameters: ComposedOperation<
  { x: Tensor; dy: Tensor },
  DroppedAttrs,
  [dweight: Tensor, dbias: Tensor]
> = {
  name: "linearGradParameters",
  outputs: ({ x, dy }) => [[dy.at(-1)!, x.at(-1)!], dy.slice(-1)],
  composed: ({ x, dy }) => [run(linearGradWeight, { x, dy }, {}), run(columnSum, { x: dy }, {})],
};

/** The list of all `dy`, then of all `weight` -> the sum of `dx` over the maps */
export const linearsGradInput: ComposedOperation<Tensor[], object, Tensor> = {
  name: "linearsGradInput",
  outputs: (shapes) => [...shapes[0]!.slice(0, -1), shapes.at(-1)![1]!],
  composed: (tensors) => {
    const maps = tensors.length / 2;
    return tensors.slice(0, maps)
      .map((dy, n) => run(linearGradInput, { dy, weight: tensors[maps + n]! }, NOTHING_DROPPED))
      .reduce((sum, dx) => add(sum, dx));
  },
};

/** The list `x`, all `dy` -> `dweight`, `dbias` of each map */
export const linearsGradParameters: ComposedOperation<
  [x: Tensor, ...slopes: Tensor[]],
  object,
  Tensor[]
> = {
  name: "linearsGradParameters",
  outputs: ([x, ...slopes]) => slopes.flatMap((dy) => [[dy.at(-1)!, x.at(-1)!], dy.slice(-1)]),
  composed: ([x, ...slopes]) =>
    slopes.flatMap((dy) => run(linearGradParameters, { x, dy }, NOTHING_DROPPED)),
};

/** `dy`, `before` -> the slope of what is activated and dropped */
export const fusedLinearGrad: ComposedOperation<
  { dy: Tensor; before: Tensor },
  FusedLinearAttrs,
  Tensor
> = {
  name: "fusedLinearGrad",
  outputs: ({ before }) => before,
  composed: ({ dy, before }, { activation: kind, dropoutRate: rate, dropoutSeed: seed }) =>
    run(
      activationGrad,
      { x: before, dy: rate > 0 ? run(dropoutOperation, { x: dy }, { rate, seed }) : dy },
      { activation: kind },
    ),
};

function outputShape(
  { x, weight, bias, residual }: With<LinearInputs, Shape>,
  { layout }: Pick<LinearAttrs, "layout">,
): Shape {
  const [outputs = 0, inputs = 0] = layout?.shape ?? weight;
  const rows = x.slice(0, -1);
  expectShape("linear x", x, [...rows, inputs]);
  if (bias) expectShape("linear bias", bias, [outputs]);
  if (residual) expectShape("linear residual", residual, [...rows, outputs]);
  return [...rows, outputs];
}

function mapFlops(x: Shape, weight: Shape): number {
  return 2 * sizeOf(x) * weight[0]!;
}

/** The slopes of a map by all but its residual, given that of its product, `dy`, of which some was dropped. */
function mapSlopes(
  { x, weight, dy }: { x: Tensor; weight: Tensor; dy: Tensor },
  { trainsBoth, dropoutRate, dropoutSeed }: DroppedAttrs & { trainsBoth: boolean },
): Record<"x" | "weight" | "bias", () => Tensor> {
  const dropped = { dropoutRate, dropoutSeed };
  const dx = () => run(linearGradInput, { dy, weight }, dropped);
  if (trainsBoth) {
    const [dweight, dbias] = run(linearGradParameters, { x, dy }, dropped);
    return { x: dx, weight: () => dweight, bias: () => dbias };
  }
  return {
    x: dx,
    weight: () => run(linearGradWeight, { x, dy }, {}),
    bias: () => run(columnSum, { x: dy }, {}),
  };
}

/** What {@linkcode linear} may take besides its input and weight. */
export interface LinearOptions {
  bias?: Tensor;
  residual?: Tensor;
  /** @default "none" */
  activation?: Activation;
  /** Of the activated values. @default none */
  dropout?: DropoutAttrs;
}

/**
 * Affine map of the last axis: `dropout(activation(x weight^T + bias)) + residual`.
 *
 * **Shape** `x [..., I]`, `weight [O, I]`, `bias [O]`, `residual [..., O]` -> `[..., O]`
 *
 * Dropout, and the activation while gradients are recorded, need the values before them for their gradients: then all of it is
 * one kernel where the device has it, and several where not.
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function linear(x: Tensor, weight: Weight, options: LinearOptions = {}): Tensor {
  const { bias, residual, activation: kind = "none", dropout: drop } = options;
  const drops = drop !== undefined && drop.rate > 0;
  if (!isFused(kind) || (drops && drop.rate === 1)) {
    return tidy(() => {
      const y = activation(linear(x, weight, { bias }), kind);
      if (drops) return dropout(y, drop, residual);
      return residual ? add(y, residual) : y;
    });
  }
  const keepsBefore = kind !== "none" && isRecording();
  const packed = isPacked(weight);
  const trainsBoth = !packed && trains(weight) && bias !== undefined && trains(bias);
  if (packed || !(drops || keepsBefore)) {
    const { values, scale, layout } = packed ? weight : { values: weight };
    const inputs = { x, weight: values, scale, bias, residual };
    return run(linearOperation, inputs, { activation: kind, trainsBoth, layout });
  }
  const [dropoutRate, dropoutSeed] = drops ? [drop.rate, drop.seed] : [0, 0];
  const attrs = { activation: kind, dropoutRate, dropoutSeed, keepsBefore, trainsBoth };
  const [y, before] = run(fusedLinear, { x, weight, bias, residual }, attrs);
  before?.dispose();
  return y;
}

/**
 * Several affine maps of one input, as {@linkcode linear} without options.
 *
 * **Shape** `x [..., I]`; for each map `weight [O, I]`, `bias [O]` -> `[..., O]`
 *
 * @throws {ShapeError} when the sizes do not fit.
 */
export function linears(x: Tensor, maps: AffineMap[]): Tensor[] {
  const [{ weight: first }] = maps as [AffineMap];
  const layout = isPacked(first) ? first.layout : undefined;
  const alike = layout?.form !== "int8-panels" &&
    maps.every(({ weight, bias }) =>
      bias && isPacked(weight) === isPacked(first) &&
      isSame(weightShape(weight), weightShape(first))
    );
  if (!alike) return maps.map(({ weight, bias }) => linear(x, weight, { bias }));
  const parameters = maps.flatMap(({ weight, bias }) => [
    isPacked(weight) ? weight.values : weight,
    bias!,
  ]);
  const trainsAll = !layout && parameters.every(trains);
  return run(linearsOperation, [x, ...parameters], { trainsAll, layout });
}

/** Whether a gradient of a parameter will be asked for, as far as is known when it is used. */
function trains(parameter: Tensor): boolean {
  return !(parameter instanceof Variable) || parameter.trainable;
}

function pairsOf<Item>(items: readonly Item[]): [Item, Item][] {
  return Array.from({ length: items.length / 2 }, (_, n) => [items[2 * n]!, items[2 * n + 1]!]);
}
