/**
 * Matrix products on WASM: a linear layer, forward with bias and both gradients, and forward with a prepared
 * weight, in float32 and in int8. Shares are of what the machine can do in that arithmetic; the int8 rows are compared
 * with the prepared float32 ones.
 *
 *     deno run bench/gemm_bench.ts [--threads N] [--plain]
 *
 * The baseline is `stock_tfjs.ts`.
 *
 * @module
 */
import { GRADIENT_KERNELS } from "../src/gradients.ts";
import { prepareWeight, run, type WeightPrecision } from "../src/kernels.ts";
import { startBenchDevice } from "./_device.ts";
import { dotPeakGops, fmaPeakGflops } from "./_fma_peak.ts";
import { type Candidate, measure, randomTensor } from "./_measure.ts";
import { LINEAR_SIZES, type LinearSize } from "./_sizes.ts";

const PEAKS = { float32: fmaPeakGflops(), int8: dotPeakGops() };

function candidatesOf({ name, rows, inputs, outputs }: LinearSize): Candidate[] {
  const x = randomTensor([rows, inputs]);
  const dy = randomTensor([rows, outputs]);
  const weight = randomTensor([outputs, inputs], 1 / Math.sqrt(inputs));
  const bias = randomTensor([outputs]);
  const flops = 2 * rows * inputs * outputs;
  const label = `${name} ${rows}x${inputs}x${outputs}`;
  const prepared = (precision: WeightPrecision): Candidate => {
    const held = randomTensor([outputs, inputs], 1 / Math.sqrt(inputs));
    prepareWeight(held, precision);
    return {
      name: `${label} ${precision}`,
      flops,
      peakRate: PEAKS[precision],
      run: () => run("EarshotLinear", { x, weight: held, bias }, { activation: "none" }),
    };
  };
  return [
    {
      name: `${label} forward`,
      flops,
      run: () => run("EarshotLinear", { x, weight, bias }, { activation: "none" }),
    },
    prepared("float32"),
    { ...prepared("int8"), baseline: `${label} float32` },
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
console.log(`peaks: ${PEAKS.float32.toFixed(1)} GFLOPS, ${PEAKS.int8.toFixed(1)} GOPS of int8`);
measure(LINEAR_SIZES.flatMap(candidatesOf));
