/**
 * The backward half of the contract in `kernels.ts`: for each kernel, the kernels of its gradient.
 *
 * Importing this file registers the gradients with the tape; training imports it, inference and
 * the edge never do. What a gradient kernel takes and gives is written here, in {@linkcode GRADIENT_KERNELS};
 * its body stands beside the forward body in `kernels/wasm` and `kernels/webgpu`.
 *
 * A gradient with several outputs runs once, when the tape reaches the kernel: the tape wraps each
 * input's gradient in a scope that would dispose the other outputs.
 *
 * @module
 */
import {
  type GradConfig,
  type NamedAttrMap,
  registerGradient,
  reshape,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { type FusedLinearAttrs, hasKernel, type LinearGradAttrs, run, runAll } from "./kernels.ts";

/** Inputs, attributes and outputs of the gradient kernels; `dy` has the shape of the forward output. */
export const GRADIENT_KERNELS = {
  /** `dy [..., O]`, `weight [O, I]` -> `dx [..., I]` */
  linearInput: "EarshotLinearGradInput",
  /** `x [..., I]`, `dy [..., O]` -> `dweight [O, I]` */
  linearWeight: "EarshotLinearGradWeight",
  /** `x [..., C]` -> `[C]`, the sum over all other axes */
  columnSum: "EarshotColumnSum",
  /** `dy [B, T', O]`, `weight [O, C / G, K]`; `Conv1dAttrs` and `frames` (T) -> `dx [B, T, C]` */
  conv1dInput: "EarshotConv1dGradInput",
  /** `x [B, T, C]`, `dy [B, T', O]`; `Conv1dAttrs` and `width` (K) -> `dweight [O, C / G, K]` */
  conv1dWeight: "EarshotConv1dGradWeight",
  /** `x`, `gamma`, `dy`; `NormAttrs` -> `dx`, `dgamma [C]`, `dbeta [C]` */
  layerNorm: "EarshotLayerNormGrad",
  /** as `layerNorm` */
  groupNorm: "EarshotGroupNormGrad",
  /** `x`, `gamma`, `mean`, `variance`, `dy`; `NormAttrs` -> `dx`, `dgamma [C]`, `dbeta [C]` */
  batchNorm: "EarshotBatchNormGrad",
  /** `x [..., 2 C]`, `dy [..., C]` -> `dx` */
  glu: "EarshotGluGrad",
  /** `dy [B, H, T, T]`, `positions`, `index`; `RelativeScoresAttrs` -> `dx [B, T, D]` */
  relativeInput: "EarshotRelativeScoresGradInput",
  /** `x`, `dy`, `index`; `RelativeScoresAttrs` and `count` (P) -> `dpositions [P, D]` */
  relativePositions: "EarshotRelativeScoresGradPositions",
  /** `x` (before the activation), `dy`; `activation` -> `dx` */
  activation: "EarshotActivationGrad",
  /**
   * `q`, `k`, `v`, `context [B, T, D]` and `logSumExp [B, H, T]` (the forward outputs), `dy`, `lengths`;
   * `AttentionAttrs` -> `dq`, `dk`, `dv`. `logSumExp` is, for each query, the
   * logarithm of the sum of exponentials of its scores, so that a probability is `exp(score - logSumExp)`.
   */
  attention: "EarshotAttentionGrad",
  /** as `attention`, and `bias` -> `dq`, `dk`, `dv`, `dbias` of the shape of `bias` */
  biasedAttention: "EarshotBiasedAttentionGrad",
  /** `dy [B, T, C]`, `mask [B, T]` -> `dx`, `dvalue [C]` */
  maskFrames: "EarshotMaskFramesGrad",
  /** `g [1, 1, K]`, `v [O, I, K]`, `dy` -> `dg`, `dv` */
  weightNorm: "EarshotWeightNormGrad",
  /** `dy [B, C]`, `lengths`; `frames` (T) -> `dx [B, T, C]` */
  meanPool: "EarshotMeanPoolGrad",
  /** the list `dy`, `weights [L]`, L states -> `dweights [L]`, then the gradient of each state */
  layerSum: "EarshotLayerSumGrad",
  /** `logits`, `labels`, `dy` (scalar); `CrossEntropyAttrs` -> `dlogits` */
  crossEntropy: "EarshotCrossEntropyGrad",
  /** `x [..., H, 2 G]`, `factor [H]`, `dy [..., H]` -> `dx`, `dfactor` */
  gruGate: "EarshotGruGateGrad",
  /** `logits`, `targets`, `dy` (scalar); `ElementLossAttrs` -> `dlogits` */
  elementLoss: "EarshotElementLossGrad",
} as const;

/** Gradient kernels that only a device with `EarshotFusedLinear` or `EarshotLinears` has. */
export const OPTIONAL_GRADIENT_KERNELS = {
  /** `x`, `dy`; `LinearGradAttrs` -> `dweight`, `dbias [O]` */
  linearParameters: "EarshotLinearGradParameters",
  /** the list of all `dy`, then of all `weight` -> the sum of `dx` over the maps */
  linearsInput: "EarshotLinearsGradInput",
  /** the list `x`, all `dy` -> `dweight`, `dbias` of each map */
  linearsParameters: "EarshotLinearsGradParameters",
  /** `dy`, `before`; `FusedLinearAttrs` -> the gradient of what is activated and dropped */
  fusedLinear: "EarshotFusedLinearGrad",
} as const;

type Gradients = Record<string, () => Tensor>;
type Saved = Record<string, Tensor>;

/** Registers the gradient of one kernel, with the saved inputs and outputs under their names. */
function gradientOf(
  kernelName: string,
  saved: { inputs?: string[]; outputs?: string[] },
  gradient: (dy: Tensor, saved: Saved, attrs: NamedAttrMap) => Gradients,
): void {
  const inputsToSave = saved.inputs ?? [];
  const outputNames = saved.outputs ?? [];
  const config: GradConfig = {
    kernelName,
    inputsToSave,
    outputsToSave: outputNames.map(() => true),
    gradFunc: (dy, tensors, attrs) => {
      const names = [...inputsToSave, ...outputNames];
      const named = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
      return gradient(Array.isArray(dy) ? dy[0]! : dy, named, attrs);
    },
  };
  registerGradient(config);
}

const KERNEL = { ...GRADIENT_KERNELS, ...OPTIONAL_GRADIENT_KERNELS };

/** The gradients of a map by all but its residual, given the gradient `dy` of its product, of which some was dropped. */
function linearGradients(
  { x, weight, dy }: Saved,
  { trainsBoth, ...attrs }: LinearGradAttrs & { trainsBoth?: boolean },
): Gradients {
  const [dweight, dbias] = trainsBoth && hasKernel(KERNEL.linearParameters)
    ? runAll(KERNEL.linearParameters, { x, dy }, attrs)
    : [];
  return {
    x: () => run(KERNEL.linearInput, { dy, weight }, attrs),
    weight: () => dweight ?? run(KERNEL.linearWeight, { x, dy }, {}),
    bias: () => dbias ?? run(KERNEL.columnSum, { x: dy }, {}),
  };
}

gradientOf("EarshotLinear", { inputs: ["x", "weight"] }, (dy, saved, { trainsBoth }) => ({
  ...linearGradients({ ...saved, dy }, { trainsBoth: trainsBoth as unknown as boolean }),
  residual: () => dy.clone(),
}));

registerGradient({
  kernelName: "EarshotFusedLinear",
  inputsToSave: ["x", "weight"],
  outputsToSave: [false, true],
  gradFunc: (slopes, [x, weight, before], named) => {
    const attrs = named as unknown as FusedLinearAttrs & { trainsBoth: boolean };
    const { trainsBoth, dropoutRate, dropoutSeed } = attrs;
    const dy = [slopes].flat()[0]!;
    const saved = { x: x!, weight: weight! };
    const residual = () => dy.clone();
    if (before) {
      const inner = run(KERNEL.fusedLinear, { dy, before }, attrs);
      return { ...linearGradients({ ...saved, dy: inner }, { trainsBoth }), residual };
    }
    if (trainsBoth) {
      const dropped = { trainsBoth, dropoutRate, dropoutSeed };
      return { ...linearGradients({ ...saved, dy }, dropped), residual };
    }
    const inner = run("EarshotDropout", { x: dy }, { rate: dropoutRate, seed: dropoutSeed });
    return { ...linearGradients({ ...saved, dy: inner }, { trainsBoth }), residual };
  },
});

registerGradient({
  kernelName: "EarshotLinears",
  saveAllInputs: true,
  gradFunc: (dy, [x, ...parameters], { trainsAll }) => {
    const slopes = [dy].flat();
    const weights = parameters.filter((_, i) => i % 2 === 0);
    const joint = trainsAll ? runAll(KERNEL.linearsParameters, [x!, ...slopes], {}) : undefined;
    const gradients = slopes.flatMap((slope, n) => [
      () => joint?.[2 * n] ?? run(KERNEL.linearWeight, { x: x!, dy: slope }, {}),
      () => joint?.[2 * n + 1] ?? run(KERNEL.columnSum, { x: slope }, {}),
    ]);
    const dx = () => run(KERNEL.linearsInput, [...slopes, ...weights], {});
    return Object.fromEntries([dx, ...gradients].map((gradient, i) => [i, gradient]));
  },
});

gradientOf("EarshotConv1d", { inputs: ["x", "weight"] }, (dy, { x, weight }, attrs) => ({
  x: () => run(KERNEL.conv1dInput, { dy, weight }, { ...attrs, frames: x!.shape[1]! }),
  weight: () => run(KERNEL.conv1dWeight, { x, dy }, { ...attrs, width: weight!.shape[2]! }),
  bias: () => run(KERNEL.columnSum, { x: dy }, {}),
}));

for (const kind of ["LayerNorm", "GroupNorm"] as const) {
  const name = kind === "LayerNorm" ? KERNEL.layerNorm : KERNEL.groupNorm;
  gradientOf(`Earshot${kind}`, { inputs: ["x", "gamma"] }, (dy, { x, gamma }, attrs) => {
    const [dx, dgamma, dbeta] = runAll(name, { x, gamma, dy }, attrs);
    return { x: () => dx!, gamma: () => dgamma!, beta: () => dbeta! };
  });
}

gradientOf(
  "EarshotBatchNorm",
  { inputs: ["x", "gamma", "mean", "variance"] },
  (dy, saved, attrs) => {
    const [dx, dgamma, dbeta] = runAll(KERNEL.batchNorm, { ...saved, dy }, attrs);
    return { x: () => dx!, gamma: () => dgamma!, beta: () => dbeta! };
  },
);

gradientOf("EarshotGlu", { inputs: ["x"] }, (dy, { x }) => ({
  x: () => run(KERNEL.glu, { x, dy }, {}),
}));

gradientOf(
  "EarshotRelativeScores",
  { inputs: ["x", "positions", "index"] },
  (dy, { x, positions, index }, attrs) => ({
    x: () => run(KERNEL.relativeInput, { dy, positions, index }, attrs),
    positions: () => {
      const count = positions!.shape[0]!;
      return run(KERNEL.relativePositions, { x, dy, index }, { ...attrs, count });
    },
  }),
);

gradientOf("EarshotRotary", { inputs: ["cos", "sin"] }, (dy, { cos, sin }, attrs) => ({
  x: () => run("EarshotRotary", { x: dy, cos, sin }, { ...attrs, inverse: !attrs.inverse }),
}));

gradientOf("EarshotScale", {}, (dy, _saved, attrs) => ({
  x: () => run("EarshotScale", { x: dy }, attrs),
  residual: () => dy.clone(),
}));

gradientOf("EarshotAddBias", {}, (dy) => ({
  x: () => dy.clone(),
  bias: () => run(KERNEL.columnSum, { x: dy }, {}),
}));

gradientOf("EarshotActivation", { inputs: ["x"] }, (dy, { x }, attrs) => ({
  x: () => run(KERNEL.activation, { x, dy }, attrs),
}));

const ATTENTION_OUTPUTS = ["context", "logSumExp"];

gradientOf(
  "EarshotAttention",
  { inputs: ["q", "k", "v", "lengths"], outputs: ATTENTION_OUTPUTS },
  (dy, saved, attrs) => {
    const [dq, dk, dv] = runAll(KERNEL.attention, { ...saved, dy }, attrs);
    return { q: () => dq!, k: () => dk!, v: () => dv! };
  },
);

gradientOf(
  "EarshotBiasedAttention",
  { inputs: ["q", "k", "v", "lengths", "bias"], outputs: ATTENTION_OUTPUTS },
  (dy, saved, attrs) => {
    const [dq, dk, dv, dbias] = runAll(KERNEL.biasedAttention, { ...saved, dy }, attrs);
    return { q: () => dq!, k: () => dk!, v: () => dv!, bias: () => dbias! };
  },
);

gradientOf("EarshotDropout", {}, (dy, _saved, attrs) => ({
  x: () => run("EarshotDropout", { x: dy }, attrs),
  residual: () => dy.clone(),
}));

gradientOf("Add", {}, (dy) => ({ a: () => dy.clone(), b: () => dy.clone() }));

gradientOf("Identity", {}, (dy) => ({ x: () => dy.clone() }));

gradientOf("Reshape", { inputs: ["x"] }, (dy, { x }) => ({ x: () => reshape(dy, x!.shape) }));

gradientOf("EarshotMaskFrames", { inputs: ["mask"] }, (dy, { mask }) => {
  const [dx, dvalue] = runAll(KERNEL.maskFrames, { dy, mask }, {});
  return { x: () => dx!, value: () => dvalue! };
});

gradientOf("EarshotMaskChannels", { inputs: ["mask"] }, (dy, { mask }) => ({
  x: () => run("EarshotMaskChannels", { x: dy, mask }, {}),
}));

gradientOf("EarshotGruGate", { inputs: ["x", "factor"] }, (dy, { x, factor }) => {
  const [dx, dfactor] = runAll(KERNEL.gruGate, { x, factor, dy }, {});
  return { x: () => dx!, factor: () => dfactor! };
});

gradientOf("EarshotPadFrames", {}, (dy, _saved, { before, after }) => ({
  x: () => run("EarshotPadFrames", { x: dy }, { before: -before!, after: -after! }),
}));

gradientOf("EarshotWeightNorm", { inputs: ["g", "v"] }, (dy, { g, v }) => {
  const [dg, dv] = runAll(KERNEL.weightNorm, { g, v, dy }, {});
  return { g: () => dg!, v: () => dv! };
});

gradientOf("EarshotMeanPool", { inputs: ["lengths"] }, (dy, { lengths }, attrs) => ({
  x: () => run(KERNEL.meanPool, { dy, lengths }, attrs),
}));

gradientOf("EarshotCrossEntropy", { inputs: ["logits", "labels"] }, (dy, saved, attrs) => ({
  logits: () => run(KERNEL.crossEntropy, { ...saved, dy }, attrs),
}));

gradientOf("EarshotElementLoss", { inputs: ["logits", "targets"] }, (dy, saved, attrs) => ({
  logits: () => run(KERNEL.elementLoss, { ...saved, dy }, attrs),
}));

registerGradient({
  kernelName: "EarshotLayerSum",
  saveAllInputs: true,
  gradFunc: (dy, saved) => {
    const gradients = runAll(KERNEL.layerSum, [dy as Tensor, ...saved], {});
    return Object.fromEntries(gradients.map((gradient, i) => [i, () => gradient]));
  },
});
