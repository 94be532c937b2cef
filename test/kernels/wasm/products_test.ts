/**
 * The matrix products of the WASM device at random sizes, where tiles, panels, blocks and windows have
 * edges that no list of sizes would think of; in memory full of NaN, so that nothing undefined is read.
 */
import { deepEqual } from "node:assert/strict";
import { engine, setBackend, type Tensor } from "@tensorflow/tfjs-core";
import { attention, conv1d, keepHash, linear } from "../../../src/kernels.ts";
import type { WasmBackend } from "../../../src/kernels/wasm/_backend.ts";
import { assertAllClose } from "../../compare.ts";
import { startTestWasm } from "../../devices.ts";
import { useReference } from "../../reference/backend.ts";
import type { NdArray } from "../../reference/nd_array.ts";
import { evaluate, type Evaluation, fixed, normal, type OpCase } from "../_op_case.ts";

const BACKEND = "earshot-wasm";
const POISON_FLOATS = 2 ** 20;

/** Whole numbers drawn for one case, each from a range. */
type Draw = (from: number, to: number) => number;

const OPERATIONS: Record<string, { cases: number; draw: (draw: Draw) => OpCase }> = {
  linear: { cases: 40, draw: linearCase },
  conv1d: { cases: 80, draw: convCase },
  attention: { cases: 40, draw: attentionCase },
};

const BUILDS = [
  { name: "relaxed SIMD", threads: 1, relaxedSimd: true },
  { name: "plain SIMD", threads: 1, relaxedSimd: false },
];

for (const [name, { cases, draw }] of Object.entries(OPERATIONS)) {
  for (const build of BUILDS) {
    Deno.test(`${name}() agrees with the reference at random sizes [wasm, ${build.name}]`, async () => {
      const device = await startTestWasm(build);
      for (let i = 0; i < cases; i++) await assertAgreement(draw(drawerOf(i)));
      device.dispose();
    });
  }
}

Deno.test("products give the same bits with 1 and 3 threads, run after run [wasm]", async () => {
  const cases = [
    linearOf({ rows: 131, inputs: 600, outputs: 90 }),
    convOf({ batch: 3, frames: 400, channels: 24, outputs: 44, width: 9, stride: 2 }),
    convOf({ batch: 2, frames: 70, channels: 96, outputs: 96, width: 64, groups: 8, padLeft: 32 }),
    attentionOf({ batch: 3, frames: 150, heads: 4, headSize: 20, biasBatch: 1 }),
  ];
  const runs: Evaluation[][] = [];
  for (const threads of [1, 3, 3, 3]) {
    const device = await startTestWasm({ threads });
    const run: Evaluation[] = [];
    for (const opCase of cases) run.push(await evaluate(opCase));
    runs.push(run);
    device.dispose();
  }
  for (const run of runs.slice(1)) deepEqual(run, runs[0]);
});

async function assertAgreement(opCase: OpCase): Promise<void> {
  poisonMemory();
  const actual = await evaluate(opCase);
  await useReference("double");
  const expected = await evaluate(opCase);
  await setBackend(BACKEND);
  const pairs = [
    [actual.outputs[0]!, expected.outputs[0]!, "output"],
    ...Object.keys(expected.gradients).map((name) => [
      actual.gradients[name]!,
      expected.gradients[name]!,
      `gradient of ${name}`,
    ]),
  ] as [NdArray, NdArray, string][];
  for (const [found, wanted, what] of pairs) {
    const largest = wanted.values.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
    assertAllClose(found, wanted, { atol: 1e-5 * largest, label: `${opCase.name}: ${what}` });
  }
}

/** Leaves NaN wherever the next blocks and the scratch memory will lie. */
function poisonMemory(): void {
  const backend = engine().backend as WasmBackend;
  backend.floats(backend.scratch(4 * POISON_FLOATS), POISON_FLOATS).fill(NaN);
  const block = backend.output([POISON_FLOATS]);
  backend.floats(backend.address(block), POISON_FLOATS).fill(NaN);
  backend.disposeData(block.dataId);
}

function drawerOf(seed: number): Draw {
  let index = 0;
  return (from, to) => from + keepHash(seed, index++) % (to - from + 1);
}

function linearCase(draw: Draw): OpCase {
  return linearOf({ rows: draw(1, 40), inputs: draw(1, 1100), outputs: draw(1, 30) });
}

function linearOf(
  { rows, inputs, outputs }: { rows: number; inputs: number; outputs: number },
): OpCase {
  return {
    name: `linear [${rows}, ${inputs}] -> ${outputs}`,
    inputs: {
      x: normal([rows, inputs], { seed: 1 }),
      weight: normal([outputs, inputs], { seed: 2, deviation: 1 / Math.sqrt(inputs) }),
      bias: normal([outputs], { seed: 3 }),
      residual: normal([rows, outputs], { seed: 4 }),
    },
    run: ({ x, weight, bias, residual }) => linear(x!, weight!, { bias, residual }),
  };
}

interface ConvSizes {
  batch: number;
  frames: number;
  channels: number;
  outputs: number;
  width: number;
  stride?: number;
  groups?: number;
  padLeft?: number;
  padRight?: number;
}

function convCase(draw: Draw): OpCase {
  const [groups, width] = [draw(0, 1) * draw(0, 3) + 1, draw(1, 24)];
  const [padLeft, padRight] = draw(0, 1) ? [draw(0, width), draw(0, width)] : [0, 0];
  return convOf({
    ...{ batch: draw(1, 4), frames: width + draw(0, 50), stride: draw(1, 6), groups, width },
    ...{ channels: groups * draw(1, 9), outputs: groups * draw(1, 14), padLeft, padRight },
  });
}

function convOf(
  { batch, frames, channels, outputs, width, ...attrs }: ConvSizes,
): OpCase {
  const { stride = 1, groups = 1, padLeft = 0, padRight = 0 } = attrs;
  const depth = channels / groups * width;
  return {
    name: `conv1d [${batch}, ${frames}, ${channels}] -> ${outputs}, width ${width}, ` +
      `stride ${stride}, groups ${groups}, padding ${padLeft}/${padRight}`,
    inputs: {
      x: normal([batch, frames, channels], { seed: 1 }),
      weight: normal([outputs, channels / groups, width], {
        seed: 2,
        deviation: 1 / Math.sqrt(depth),
      }),
      bias: normal([outputs], { seed: 3 }),
    },
    run: ({ x, weight, bias }) => conv1d(x!, weight!, { ...attrs, bias }),
  };
}

interface AttentionSizes {
  batch: number;
  frames: number;
  heads: number;
  headSize: number;
  /** Clips that the bias has; 0 for none. */
  biasBatch: number;
}

function attentionCase(draw: Draw): OpCase {
  const batch = draw(1, 3);
  return attentionOf({
    ...{ batch, frames: draw(1, 120), heads: draw(1, 3), headSize: draw(1, 40) },
    biasBatch: [0, 1, batch][draw(0, 2)]!,
  });
}

function attentionOf({ batch, frames, heads, headSize, biasBatch }: AttentionSizes): OpCase {
  const size = heads * headSize;
  const lengths = Array.from({ length: batch }, (_, i) => 1 + keepHash(i, frames) % frames);
  const bias = biasBatch > 0
    ? { bias: normal([biasBatch, heads, frames, frames], { seed: 5 }) }
    : undefined;
  return {
    name: `attention [${batch}, ${frames}, ${size}], ${heads} heads, lengths ${lengths}, ` +
      `bias of ${biasBatch}`,
    inputs: {
      q: normal([batch, frames, size], { seed: 1 }),
      k: normal([batch, frames, size], { seed: 2 }),
      v: normal([batch, frames, size], { seed: 3 }),
      ...bias,
    },
    integers: { lengths: fixed([batch], lengths) },
    run: (x: Record<string, Tensor>) =>
      attention(x.q!, x.k!, x.v!, {
        ...{ heads, lengths: x.lengths, bias: x.bias },
        ...{ dropoutRate: 0.1, dropoutSeed: 7 },
      }),
  };
}
