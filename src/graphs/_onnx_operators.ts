/**
 * What each operation of the table is in the operators of ONNX.
 *
 * Activations are `[B, T, C]` as everywhere here; convolutions of ONNX take `[B, C, T]`, so that what they give is kept
 * in both orders until it is known which one is read.
 *
 * @module
 */
import type { Activation, Operation, OperationName, OPERATIONS, With } from "../kernels.ts";
import type { CallName } from "./_trace.ts";
import { isFixed, isSameSize, type Size, type Value } from "./_sizes.ts";
import type { Writer } from "./_onnx_writer.ts";

type Parts<Name extends OperationName> = typeof OPERATIONS[Name] extends
  Operation<infer Inputs, infer Attrs, infer _> ? { inputs: With<Inputs, Value>; attrs: Attrs }
  : never;

/** Writes a call of an operation, and gives the name of what it makes. */
type Written<Name extends OperationName> = (
  writer: Writer,
  inputs: Parts<Name>["inputs"],
  attrs: Parts<Name>["attrs"],
  output: Value,
  /** The attributes in each of the traces. */
  all: readonly Readonly<Record<string, unknown>>[],
) => string;

type Operators =
  & { readonly [Name in Exclude<CallName, "reshape">]: Written<Name> }
  & {
    readonly reshape: (
      writer: Writer,
      inputs: { x: Value },
      attrs: object,
      output: Value,
    ) => string;
  };

/** Behind the last of whatever is sliced. */
const END = 2 ** 31 - 1;

/** Each operation that passes call. */
export const OPERATORS: Operators = {
  activation: (w, { x }, { activation }) => activated(w, w.nameOf(x), activation),
  add: (w, { x, y }) => w.node("Add", x, y),
  addBias: (w, { x, bias }) => w.node("Add", x, bias),
  attention: (w, { q, k, v }, { heads, scale }, output) => {
    return attention(w, { q, k, v }, { heads, scale, output });
  },
  biasedAttention: (w, { q, k, v, bias }, { heads, scale }, output) => {
    return attention(w, { q, k, v, bias }, { heads, scale, output });
  },
  batchNorm: (w, { x, gamma, beta, mean, variance }, { eps }) => {
    const deviation = w.node("Sqrt", w.node("Add", variance, w.scalar(eps)));
    const scaled = w.node("Mul", w.node("Div", w.node("Sub", x, mean), deviation), gamma);
    return w.node("Add", scaled, beta);
  },
  conv1d: (w, { x, weight, bias }, { stride, groups, padLeft, padRight, activation }) => {
    const inputs = [w.channelsFirst(x), w.nameOf(weight), ...bias ? [w.nameOf(bias)] : []];
    const y = w.graph.node("Conv", inputs, {
      group: groups,
      kernel_shape: [weight.shape[2]![0]!],
      pads: [padLeft, padRight],
      strides: [stride],
    });
    return w.channelsLast(activated(w, y, activation));
  },
  depthwise2d: (w, { x, weight, bias }, { stride, padding, activation }) => {
    const [channels, size] = [weight.shape[0]![0]!, weight.shape[2]![0]!];
    const image = w.graph.node("Transpose", [w.nameOf(x)], { perm: [0, 3, 1, 2] });
    const inputs = [image, w.nameOf(weight), ...bias ? [w.nameOf(bias)] : []];
    const y = w.graph.node("Conv", inputs, {
      group: channels,
      kernel_shape: [size, size],
      pads: [padding, padding, padding, padding],
      strides: [stride, stride],
    });
    return w.graph.node("Transpose", [activated(w, y, activation)], { perm: [0, 2, 3, 1] });
  },
  glu: (w, { x }) => {
    const [half, gate] = w.graph.nodes("Split", [w.nameOf(x)], 2, { axis: -1 });
    return w.node("Mul", half!, w.node("Sigmoid", gate!));
  },
  groupNorm: (w, { x, gamma, beta }, { eps }) => {
    const inputs = [w.channelsFirst(x), w.nameOf(gamma), w.nameOf(beta)];
    const y = w.graph.node("InstanceNormalization", inputs, { epsilon: { float: eps } });
    return w.channelsLast(y);
  },
  gruGate: (w, { x, factor }) => {
    const halves = w.graph.nodes("Split", [w.nameOf(x)], 2, { axis: -1 });
    const [u, r] = halves.map((half) => {
      const sum = w.graph.node("ReduceSum", [half, w.graph.ints([-1])], { keepdims: 0 });
      return w.node("Sigmoid", sum);
    });
    const inner = w.node("Sub", w.node("Mul", r!, factor), w.scalar(1));
    return w.node("Add", w.node("Mul", u!, inner), w.scalar(2));
  },
  layerNorm: (w, { x, gamma, beta }, { eps }) => {
    const inputs = [x, gamma, beta].map((value) => w.nameOf(value));
    return w.graph.node("LayerNormalization", inputs, { axis: -1, epsilon: { float: eps } });
  },
  layerSum: (w, [weights, ...states]) => {
    const shares = w.graph.nodes(
      "Split",
      [w.graph.node("Softmax", [w.nameOf(weights)], { axis: 0 })],
      states.length,
      { axis: 0 },
    );
    return states.map((state, i) => w.node("Mul", state, shares[i]!))
      .reduce((sum, part) => w.node("Add", sum, part));
  },
  linear: (w, { x, weight, bias, residual }, { activation }) => {
    const product = w.product(x, weight);
    const sum = bias ? w.node("Add", product, bias) : product;
    const y = activated(w, sum, activation);
    return residual ? w.node("Add", y, residual) : y;
  },
  meanPool: (w, { x, lengths }) => {
    if (lengths) w.refuse("clips of unlike lengths in a batch");
    return w.graph.node("ReduceMean", [w.nameOf(x)], { axes: [1], keepdims: 0 });
  },
  padFrames: (w, { x }, _attrs, output, all) => {
    const { graph } = w;
    const sideOf = (side: "before" | "after"): Size => all.map((attrs) => attrs[side] as number);
    const [before, after] = [sideOf("before"), sideOf("after")];
    const start = before.map((frames) => Math.max(-frames, 0));
    const end = x.shape[1]!.map((frames, i) => frames + Math.min(after[i]!, 0));
    const isCut = start.some((frames) => frames > 0) || !isSameSize(end, x.shape[1]!);
    const kept = isCut
      ? graph.node("Slice", [w.nameOf(x), graph.size(start), graph.size(end), graph.ints([1])])
      : w.nameOf(x);
    const first = before.map((frames) => Math.max(frames, 0));
    const from = end.map((frames, i) => frames - start[i]! + first[i]!);
    if (isSameSize(from, output.shape[1]!) && first.every((frames) => frames === 0)) return kept;
    const [zero, width] = [graph.ints([0]), graph.size(first)];
    const rest = output.shape[1]!.map((frames, i) => frames - from[i]!);
    const behind = isFixed(rest) ? graph.size(rest) : graph.node("Sub", [
      graph.size(output.shape[1]!),
      // What is kept and stands before it, taken off the whole.
      graph.node("Add", [graph.node("Shape", [kept], { start: 1, end: 2 }), width]),
    ]);
    const pads = graph.node("Concat", [zero, width, zero, zero, behind, zero], { axis: 0 });
    return graph.node("Pad", [kept, pads]);
  },
  patches: (w, { x }, { size: [height, width], stride }) => {
    const elements = height * width;
    // One filter for each element of a patch: a 1 in its place.
    const filters = new Float32Array(elements ** 2);
    for (let i = 0; i < elements; i++) filters[i * elements + i] = 1;
    const bands = w.graph.node("Unsqueeze", [w.channelsFirst(x), w.graph.ints([1])]); // [B, 1, C, T]
    const places = w.graph.node("Conv", [bands, w.held([elements, 1, height, width], filters)], {
      kernel_shape: [height, width],
      strides: stride,
    }); // [B, elements, F, G]
    const rows = w.graph.node("Reshape", [places, w.graph.ints([0, elements, -1])]);
    return w.graph.node("Transpose", [rows], { perm: [0, 2, 1] });
  },
  relativeScores: (w, { x, positions, index }, { heads, scale, owner }, output) => {
    const size = x.shape[2]![0]!;
    const rows = w.split(w.nameOf(x), { heads, size, order: [0, 2, 1, 3] }); // [B, H, T, d]
    const perHead = w.graph.node("Reshape", [
      w.nameOf(positions),
      w.graph.ints([-1, heads, size / heads]),
    ]);
    const columns = w.graph.node("Transpose", [perHead], { perm: [1, 2, 0] }); // [H, d, P]
    const scores = w.node("Mul", w.node("MatMul", rows, columns), w.scalar(scale)); // [B, H, T, P]
    const shape = w.graph.shape(output.shape);
    const places = w.distanceRows(index, x.shape[1]!, owner === "key"); // [T, T]
    const all = w.graph.node("Expand", [places, shape]);
    const found = w.graph.node("GatherElements", [scores, all], { axis: 3 });
    return owner === "key" ? w.graph.node("Transpose", [found], { perm: [0, 1, 3, 2] }) : found;
  },
  reshape: (w, { x }, _attrs, output) => {
    const { shape } = output;
    const kept = shape.map((size, i) => !isFixed(size) && x.shape[i]?.join() === size.join());
    const free = shape.filter((size, i) => !isFixed(size) && !kept[i]);
    if (free.length > 1) return w.graph.node("Reshape", [w.nameOf(x), w.graph.shape(shape)]);
    const sizes = shape.map((size, i) => kept[i] ? 0 : isFixed(size) ? size[0]! : -1);
    return w.graph.node("Reshape", [w.nameOf(x), w.graph.ints(sizes)]);
  },
  rotary: (w, { x, cos, sin }, { heads }) => {
    const size = x.shape[2]![0]!;
    const split = w.split(w.nameOf(x), { heads, size, order: [0, 2, 1, 3] });
    const [a, b] = w.graph.nodes("Split", [split], 2, { axis: -1 }) as [string, string];
    const turned = w.graph.node("Concat", [
      w.node("Sub", w.node("Mul", a, cos), w.node("Mul", b, sin)),
      w.node("Add", w.node("Mul", b, cos), w.node("Mul", a, sin)),
    ], { axis: -1 });
    return w.join(turned, size);
  },
  scaleChannels: (w, { x, factor }) => {
    return w.node("Mul", x, w.graph.node("Unsqueeze", [w.nameOf(factor), w.graph.ints([1])]));
  },
  scale: (w, { x, residual }, { factor }) => {
    const y = w.node("Mul", x, w.scalar(factor));
    return residual ? w.node("Add", y, residual) : y;
  },
  statisticsPool: (w, { x, lengths }) => {
    if (lengths) w.refuse("clips of unlike lengths in a batch");
    const { graph } = w;
    const mean = graph.node("ReduceMean", [w.nameOf(x)], { axes: [1], keepdims: 1 });
    const centred = w.node("Sub", x, mean);
    const squares = w.node("Mul", centred, centred);
    const sums = graph.node("ReduceSum", [squares, graph.ints([1])], { keepdims: 0 });
    const frames = graph.node("Cast", [graph.size(x.shape[1]!)], { to: 1 });
    const variance = w.node("Div", sums, w.node("Sub", frames, w.scalar(1)));
    const means = graph.node("Squeeze", [mean, graph.ints([1])]);
    return graph.node("Concat", [means, w.node("Sqrt", variance)], { axis: -1 });
  },
  unfold: (w, { x }, { width, dilation }) => {
    if (width === 1) return w.nameOf(x);
    const rows = Array.from({ length: width }, (_, k) => {
      const [start, behind] = [k * dilation, (width - 1 - k) * dilation];
      const [from, to] = [w.graph.ints([start]), w.graph.ints([behind === 0 ? END : -behind])];
      return w.graph.node("Slice", [w.nameOf(x), from, to, w.graph.ints([1])]);
    });
    return w.graph.node("Concat", rows, { axis: -1 });
  },
  weightNorm: (w, { g, v }) => {
    const axes = { axes: [0, 1], keepdims: 1 };
    const norm = w.graph.node("ReduceL2", [w.nameOf(v)], axes);
    return w.node("Mul", v, w.node("Div", g, norm));
  },
};

/** Scores of heads, their softmax, and the mean of the values by it. */
function attention(
  w: Writer,
  { q, k, v, bias }: { q: Value; k: Value; v: Value; bias?: Value },
  { heads, scale, output }: { heads: number; scale: number; output: Value },
): string {
  const size = output.shape[2]![0]!;
  const [queries, keys, values] =
    ([[q, [0, 2, 1, 3]], [k, [0, 2, 3, 1]], [v, [0, 2, 1, 3]]] as const)
      .map(([x, order]) => w.split(w.nameOf(x), { heads, size, order }));
  const scores = w.node("MatMul", w.node("Mul", queries!, w.scalar(scale)), keys!);
  const biased = bias ? w.node("Add", scores, bias) : scores;
  const shares = w.graph.node("Softmax", [biased], { axis: -1 });
  return w.join(w.node("MatMul", shares, values!), size);
}

/** An activation function, by the operators of ONNX. */
function activated(w: Writer, x: string, kind: Activation): string {
  const times = (y: string) => w.node("Mul", x, y);
  const clipped = (y: string, least: number, most: number) =>
    w.graph.node("Clip", [y, w.scalar(least), w.scalar(most)]);
  const normal = (y: string) => {
    const erf = w.node("Erf", w.node("Div", y, w.scalar(Math.SQRT2)));
    return w.node("Mul", w.node("Add", erf, w.scalar(1)), w.scalar(0.5));
  };
  switch (kind) {
    case "none":
      return x;
    case "relu":
      return w.node("Relu", x);
    case "silu":
      return times(w.node("Sigmoid", x));
    case "gelu":
      return times(normal(x));
    case "gelu_10":
      return clipped(times(normal(x)), -10, 10);
    case "gelu_new": {
      const cube = w.node("Mul", times(times(x)), w.scalar(0.044715));
      const inner = w.node("Mul", w.node("Add", x, cube), w.scalar(Math.sqrt(2 / Math.PI)));
      return w.node("Mul", times(w.scalar(0.5)), w.node("Add", w.node("Tanh", inner), w.scalar(1)));
    }
    case "quick_gelu":
      return times(w.node("Sigmoid", times(w.scalar(1.702))));
    case "hardswish":
      return w.node("HardSwish", x);
    case "laplace":
      return normal(
        w.node(
          "Div",
          w.node("Sub", x, w.scalar(Math.SQRT1_2)),
          w.scalar(Math.sqrt(0.25 / Math.PI)),
        ),
      );
    case "leaky_relu":
      return w.graph.node("LeakyRelu", [x], { alpha: { float: 0.01 } });
    case "mish":
      return times(w.node("Tanh", w.node("Softplus", x)));
    case "relu2": {
      const positive = w.node("Relu", x);
      return w.node("Mul", positive, positive);
    }
    case "relu6":
      return clipped(x, 0, 6);
    case "sigmoid":
      return w.node("Sigmoid", x);
    case "sqrtsoftplus":
      return w.node("Sqrt", w.node("Softplus", x));
    case "tanh":
      return w.node("Tanh", x);
  }
}
