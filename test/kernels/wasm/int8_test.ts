/**
 * Products with int8 weights: against the plain reference at random and at hard sizes, in memory full of NaN, and
 * the same bits from both builds and from any number of threads.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { dispose, engine, type Tensor, tensor } from "@tensorflow/tfjs-core";
import {
  adoptWeight,
  conv1d,
  type Conv1dAttrs,
  disposeWeight,
  type FusedActivation,
  heldWeight,
  keepHash,
  linear,
  packWeight,
  prepareWeight,
  type Weight,
} from "../../../src/kernels.ts";
import type { WasmBackend } from "../../../src/kernels/wasm/_backend.ts";
import { assertAllClose } from "../../compare.ts";
import { startTestWasm, type WasmChoice } from "../../devices.ts";
import { conv1dInt8, linearInt8 } from "../../reference/int8.ts";
import type { NdArray } from "../../reference/nd_array.ts";
import { fixed, normal } from "../_op_case.ts";

const POISON_FLOATS = 2 ** 18;
const CASES = 40;
const BUILDS: readonly (WasmChoice & { name: string })[] = [
  { name: "relaxed SIMD", threads: 1, relaxedSimd: true },
  { name: "plain SIMD", threads: 1, relaxedSimd: false },
];

interface Case {
  name: string;
  inputs: { x: NdArray; weight: NdArray; bias?: NdArray; residual?: NdArray };
  /** Of a convolution; else it is a linear map. */
  conv?: Conv1dAttrs;
  activation?: FusedActivation;
}

async function onBuild(choice: WasmChoice, body: () => void | Promise<void>): Promise<void> {
  const device = await startTestWasm(choice);
  try {
    await body();
  } finally {
    device.dispose();
  }
}

function toTensor({ shape, values }: NdArray): Tensor {
  return tensor(Float32Array.from(values), [...shape], "float32");
}

/** Adopted, so that sizes that gain nothing by bytes are tested too. */
function int8Weight({ shape, values }: NdArray, groups = 1): Weight {
  return adoptWeight(packWeight(Float32Array.from(values), shape, { form: "int8-panels", groups }));
}

/** Leaves NaN wherever the next blocks and the scratch memory will lie. */
function poisonMemory(): void {
  const backend = engine().backend as WasmBackend;
  backend.floats(backend.scratch(4 * POISON_FLOATS), POISON_FLOATS).fill(NaN);
  const block = backend.output([POISON_FLOATS]);
  backend.floats(backend.address(block), POISON_FLOATS).fill(NaN);
  backend.disposeData(block.dataId);
}

function evaluate({ inputs, conv, activation = "none" }: Case): NdArray {
  const weight = int8Weight(inputs.weight, conv?.groups);
  const [x, bias, residual] = [inputs.x, inputs.bias, inputs.residual].map((array) =>
    array && toTensor(array)
  );
  poisonMemory();
  const y = conv
    ? conv1d(x!, weight, { ...conv, bias, activation })
    : linear(x!, weight, { bias, residual, activation });
  equal(heldWeight(weight).form, "int8-panels");
  const values = Float64Array.from(y.dataSync());
  const { shape } = y;
  dispose([x, bias, residual, y].filter((each) => each !== undefined));
  disposeWeight(weight);
  return { shape, values };
}

function reference({ inputs, conv, activation = "none" }: Case): NdArray {
  if (conv) return conv1dInt8(inputs, { ...conv, activation });
  return linearInt8(inputs, { activation });
}

type Draw = (from: number, to: number) => number;

function drawerOf(seed: number): Draw {
  let index = 0;
  return (from, to) => from + keepHash(seed, index++) % (to - from + 1);
}

function linearCase(
  rows: number,
  inputs: number,
  outputs: number,
  activation?: FusedActivation,
): Case {
  return {
    name: `linear [${rows}, ${inputs}] -> ${outputs}`,
    inputs: {
      x: normal([rows, inputs], { seed: rows }),
      weight: normal([outputs, inputs], { seed: 2, deviation: 1 / Math.sqrt(inputs) }),
      bias: normal([outputs], { seed: 3 }),
      residual: normal([rows, outputs], { seed: 4 }),
    },
    activation,
  };
}

function randomConvCase(draw: Draw): Case {
  const [groups, width] = [draw(0, 1) * draw(0, 3) + 1, draw(1, 9)];
  const [channels, outputs] = [groups * draw(1, 20), groups * draw(1, 30)];
  const [padLeft, padRight] = draw(0, 1) ? [draw(0, width), draw(0, width)] : [0, 0];
  const x = [draw(1, 3), width + draw(0, 150), channels];
  const stride = draw(1, 5);
  return convCase(x, outputs, width, { stride, groups, padLeft, padRight, activation: "none" });
}

/** As many frames as the kernel is wide, and more or fewer. */
function positionalCases(): Case[] {
  return [1, 49, 128, 170].map((frames) => {
    const conv = { stride: 1, groups: 2, padLeft: 64, padRight: 63, activation: "none" } as const;
    return convCase([2, frames, 24], 24, 128, conv);
  });
}

function convCase(x: number[], outputs: number, width: number, conv: Conv1dAttrs): Case {
  const { stride, groups, padLeft, padRight } = conv;
  const channels = x[2]!;
  const deviation = 1 / Math.sqrt(channels * width);
  return {
    name: `conv1d [${x}] -> ${outputs}, width ${width}, stride ${stride}, ${groups} groups, ` +
      `padding ${padLeft}/${padRight}`,
    inputs: {
      x: normal(x, { seed: 1 }),
      weight: normal([outputs, channels / groups, width], { seed: 2, deviation }),
      bias: normal([outputs], { seed: 3 }),
    },
    conv,
  };
}

function randomCases(): Case[] {
  return Array.from({ length: CASES }, (_, i) => {
    const draw = drawerOf(i);
    const activation = (["none", "relu"] as const)[draw(0, 1)];
    return i % 2
      ? randomConvCase(draw)
      : linearCase(draw(1, 300), draw(1, 200), draw(1, 40), activation);
  });
}

/** Rows of one kind, for what rounding and sums must survive. */
function hardCases(): Case[] {
  const weight = normal([19, 70], { seed: 5 });
  const of = (name: string, x: NdArray, other: NdArray = weight): Case => ({
    name,
    inputs: { x, weight: other },
  });
  const scaled = (factor: number) => normal([7, 70], { seed: 6, deviation: factor });
  const zeroOutputs: NdArray = {
    shape: weight.shape,
    values: weight.values.map((value, i) => Math.floor(i / 70) % 2 ? 0 : value),
  };
  return [
    of("no rows", fixed([0, 70], 0)),
    of("rows of zeros", fixed([7, 70], 0)),
    of("rows of one number", fixed([7, 1], [1, -2, 0, 4, -5, 6, 1e-3]), normal([9, 1])),
    of("negative rows", { shape: [7, 70], values: scaled(1).values.map((x) => -Math.abs(x)) }),
    of("the largest number negative", fixed([7, 70], [1, -9, 2, 3, -4])),
    of("huge numbers", scaled(1e30)),
    of("tiny numbers", scaled(1e-30)),
    of("halves", fixed([7, 70], [127, 0.5, 1.5, -2.5, -126.5, 3])),
    of("outputs of zeros", scaled(1), zeroOutputs),
  ];
}

function assertAgreement(opCase: Case): void {
  const [actual, expected] = [evaluate(opCase), reference(opCase)];
  const largest = expected.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-36);
  assertAllClose(actual, expected, { atol: 2e-6 * largest, label: opCase.name });
}

for (const build of BUILDS) {
  Deno.test(`int8 products agree with the reference at random sizes [wasm, ${build.name}]`, () =>
    onBuild(build, () => randomCases().forEach(assertAgreement)));

  Deno.test(`int8 positional convolutions agree with the reference [wasm, ${build.name}]`, () =>
    onBuild(build, () => positionalCases().forEach(assertAgreement)));

  Deno.test(`int8 products agree with the reference on hard numbers [wasm, ${build.name}]`, () =>
    onBuild(build, () => hardCases().forEach(assertAgreement)));

  Deno.test(`int8 products end with an activation and a residual [wasm, ${build.name}]`, () =>
    onBuild(build, () => {
      for (const activation of ["gelu", "relu", "silu"] as const) {
        assertAgreement(linearCase(13, 70, 21, activation));
      }
    }));

  Deno.test(`int8 products of the largest bytes do not overflow [wasm, ${build.name}]`, () =>
    onBuild(build, () => {
      const depth = 20_000;
      for (const sign of [1, -1]) {
        // Every byte of a row is 127 or -127, and every byte of the weight 127 or 1.
        const x = fixed([6, depth], sign);
        for (const weight of [fixed([9, depth], 1), fixed([9, depth], -1)]) {
          const { values } = evaluate({ name: "largest", inputs: { x, weight } });
          const expected = sign * weight.values[0]! * depth;
          ok(values.every((value) => Math.abs(value / expected - 1) < 1e-6), `${values[0]}`);
        }
      }
    }));

  Deno.test(`an int8 product of NaN or infinity is not finite [wasm, ${build.name}]`, () =>
    onBuild(build, () => {
      for (const odd of [NaN, Infinity, -Infinity]) {
        const x = fixed([2, 70], 1);
        x.values[75] = odd;
        const weight = normal([9, 70], { seed: 5 });
        const { values } = evaluate({ name: `${odd}`, inputs: { x, weight } });
        ok(values.subarray(0, 9).every(Number.isFinite));
        ok(values.subarray(9).every((value) => !Number.isFinite(value)), `${values}`);
      }
    }));
}

/** Sizes that leave something over everywhere, and one with several chunks of rows. */
function sharedCases(): Case[] {
  const large = linearCase(1503, 770, 70, "relu");
  return [...randomCases(), ...positionalCases(), ...hardCases(), large];
}

Deno.test("int8 products give the same bits in both builds and with 1 to 3 threads [wasm]", async () => {
  const cases = sharedCases();
  const runs: NdArray[][] = [];
  const choices = [...BUILDS, { threads: 2 }, { threads: 3 }, { threads: 2, relaxedSimd: false }];
  for (const choice of choices) await onBuild(choice, () => void runs.push(cases.map(evaluate)));
  for (const run of runs.slice(1)) {
    cases.forEach(({ name }, i) => deepEqual(run[i], runs[0]![i], name));
  }
});

const PREPARED: readonly [shape: number[], groups: number][] = [
  [[33, 64], 1],
  [[37, 70], 1],
  [[40, 24, 3], 1],
  [[64, 33, 2], 1],
  [[60, 24, 3], 3],
];

Deno.test("a weight prepared for int8 is packed as packWeight() packs it [wasm]", async () => {
  for (const build of BUILDS) {
    await onBuild(build, () => {
      for (const [shape, groups] of PREPARED) {
        const { values } = normal(shape, { seed: 8 });
        values.fill(0, 0, values.length / shape[0]!);
        const weight = tensor(Float32Array.from(values), shape, "float32");
        const prepared = prepareWeight(weight, { groups, precision: "int8" });
        const expected = { form: "int8-panels", groups } as const;
        deepEqual(heldWeight(prepared), packWeight(Float32Array.from(values), shape, expected));
      }
    });
  }
});

Deno.test("what gains nothing by int8 stays float32 [wasm]", () =>
  onBuild({ threads: 1 }, () => {
    const formOf = (shape: number[], groups = 1) => {
      const weight = toTensor(normal(shape));
      return heldWeight(prepareWeight(weight, { groups, precision: "int8" })).form;
    };
    equal(formOf([64, 1, 10]), "panels");
    equal(formOf([5, 256]), "panels");
    equal(formOf([64, 1, 31], 64), "rows");
    equal(formOf([64, 16, 10], 4), "int8-panels");
    equal(formOf([64, 64]), "int8-panels");
  }));

Deno.test("an int8 weight takes a quarter of the memory of its rows [wasm]", () =>
  onBuild({ threads: 1 }, () => {
    const usedBytes = () => (engine().backend as WasmBackend).memoryUse().usedBytes;
    const before = usedBytes();
    const weight = toTensor(normal([512, 512]));
    const rowsBytes = usedBytes() - before;
    const prepared = prepareWeight(weight, { precision: "int8" });
    const heldBytes = usedBytes() - before - rowsBytes;
    disposeWeight(prepared);
    equal(usedBytes(), before + rowsBytes);
    ok(heldBytes <= 0.27 * rowsBytes, `${heldBytes} of ${rowsBytes} bytes`);
  }));
