/**
 * `deno task bench:infer` and `bench:train`: what they count, what they refuse, what a row holds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { grads, type Tensor, tidy, zeros } from "@tensorflow/tfjs-core";
import "../../src/gradients.ts";
import { countGradientFlops } from "../../bench/_gradient_flops.ts";
import { median } from "../../bench/_timing.ts";
import { countFlops } from "../../src/flops.ts";
import { attention, conv1d, linear } from "../../src/kernels.ts";
import { startTestWasm } from "../devices.ts";

const FIELDS = [
  ...["model", "dtype", "backend", "threads", "batch", "freeze", "seconds", "medianMs"],
  ...["forwardMs", "gflops", "peakFraction", "loadMs", "firstMs", "rssMb"],
];

async function bench(script: string, ...args: string[]) {
  const path = new URL(`../../bench/${script}`, import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", "--allow-write", "--allow-run", path, ...args],
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

Deno.test("countGradientFlops() counts two products for each of the forward pass", async () => {
  const device = await startTestWasm({ threads: 1 });
  const cases: [inputs: Tensor[], forward: (...inputs: Tensor[]) => Tensor][] = [
    [[zeros([2, 5, 12]), zeros([7, 12])], (x, weight) => linear(x!, weight!)],
    [
      [zeros([2, 9, 12]), zeros([8, 3, 3])],
      (x, weight) => conv1d(x!, weight!, { groups: 4, stride: 2 }),
    ],
    [[1, 2, 3].map(() => zeros([2, 5, 12])), (q, k, v) => attention(q!, k!, v!, { heads: 3 })],
  ];
  for (const [inputs, forward] of cases) {
    const forwardFlops = await countFlops(() => void tidy(() => void forward(...inputs)));
    const gradientFlops = await countGradientFlops(() =>
      void tidy(() => void grads(forward)(inputs))
    );
    assert.equal(gradientFlops, 2 * forwardFlops);
    inputs.forEach((input) => input.dispose());
  }
  device.dispose();
});

Deno.test("median() is the middle value", () => assert.equal(median([9, 1, 5]), 5));

for (const script of ["infer.ts", "train.ts"]) {
  Deno.test(`bench/${script} prints a row with every field`, async () => {
    const args = ["--model", "models/voice_menu", "--seconds", "0.5", "--batch", "2"];
    const { code, stdout, stderr } = await bench(script, ...args, "--rounds", "1", "--json");
    assert.equal(code, 0, stderr);
    const row = JSON.parse(stdout);
    assert.deepEqual(Object.keys(row), FIELDS);
    const numbers = FIELDS.slice(FIELDS.indexOf("medianMs")).map((field) => row[field]);
    assert.ok(numbers.every((number) => number > 0), stdout);
  });

  Deno.test(`bench/${script} refuses what it cannot time`, async () => {
    const cases = [
      [["--dtype", "q4"], /^Cannot run the bench: expected --dtype f32.*, found q4\n$/],
      [["--freeze", "head"], /expected --freeze none or encoder, found head/],
      [["--seconds", "1,none"], /expected --seconds above 0, found none/],
      [["--threads", "1.5"], /expected --threads above 0, whole, found 1.5/],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stderr } = await bench(script, ...args);
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
  });
}

Deno.test("bench/infer.ts times the export of a model", async () => {
  const args = ["--model", "models/voice_menu", "--seconds", "0.5", "--rounds", "1"];
  const { code, stdout, stderr } = await bench("infer.ts", ...args, "--dtype", "q8", "--json");
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).dtype, "q8");
});

Deno.test("bench/infer.ts names a model directory that is none", async () => {
  const { code, stderr } = await bench("infer.ts", "--model", "./models/none", "--seconds", "1");
  assert.match(stderr, /models\/none/);
  assert.equal(code, 1);
});
