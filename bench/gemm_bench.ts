/**
 * Matrix products on WASM: a linear layer, forward with bias, and both gradients.
 *
 *     deno run bench/gemm_bench.ts [--threads N] [--plain]
 *
 * The baseline is `stock_tfjs.ts`.
 *
 * @module
 */
import { GRADIENT_KERNELS } from "../src/gradients.ts";
import { run } from "../src/kernels.ts";
import { startBenchDevice } from "./_device.ts";
import { type Candidate, measure, randomTensor } from "./_measure.ts";
import { LINEAR_SIZES, type LinearSize } from "./_sizes.ts";

function candidatesOf({ name, rows, inputs, outputs }: LinearSize): Candidate[] {
  const x = randomTensor([rows, inputs]);
  const dy = randomTensor([rows, outputs]);
  const weight = randomTensor([outputs, inputs], 1 / Math.sqrt(inputs));
  const bias = randomTensor([outputs]);
  const flops = 2 * rows * inputs * outputs;
  const label = `${name} ${rows}x${inputs}x${outputs}`;
  return [
    {
      name: `${label} forward`,
      flops,
      run: () => run("EarshotLinear", { x, weight, bias }, { activation: "none" }),
    },
    {
      name: `${label} input`,
      flops,
      run: () => run(GRADIENT_KERNELS.linearInput, { dy, weight }, {}),
    },
    {
      name: `${label} weight`,
      flops,
      run: () => run(GRADIENT_KERNELS.linearWeight, { x, dy }, {}),
    },
  ];
}

await startBenchDevice();
measure(LINEAR_SIZES.flatMap(candidatesOf));
