/**
 * Convolution over time on WASM: forward with bias and both gradients, and forward with a prepared weight, in
 * float32 and in int8.
 *
 * The rate counts all taps; where they reach into padding they are skipped, which is why the
 * positional convolution of short clips shows more than the machine can do.
 *
 *     deno run bench/conv1d_bench.ts [--threads N] [--plain]
 *
 * The baseline is `stock_tfjs.ts`.
 *
 * @module
 */
import { GRADIENT_KERNELS } from "../src/gradients.ts";
import { prepareWeight, run, type WeightPrecision } from "../src/kernels.ts";
import { startBenchDevice } from "./_device.ts";
import { type Candidate, measure, randomTensor } from "./_measure.ts";
import { CONV_SIZES, type ConvSize } from "./_sizes.ts";

function candidatesOf(size: ConvSize): Candidate[] {
  const { batch, frames, channels, outputs, width, stride, groups, pad } = size;
  const steps = Math.floor((frames + 2 * pad - width) / stride) + 1;
  const depth = channels / groups * width;
  const x = randomTensor([batch, frames, channels]);
  const dy = randomTensor([batch, steps, outputs]);
  const weight = randomTensor([outputs, channels / groups, width], 1 / Math.sqrt(depth));
  const bias = randomTensor([outputs]);
  const attrs = { stride, groups, padLeft: pad, padRight: pad, activation: "none" };
  const flops = 2 * batch * steps * depth * outputs;
  const prepared = (precision: WeightPrecision): Candidate => {
    const held = randomTensor([outputs, channels / groups, width], 1 / Math.sqrt(depth));
    prepareWeight(held, precision);
    return {
      name: `${size.name} ${precision}`,
      flops,
      run: () => run("EarshotConv1d", { x, weight: held, bias }, attrs),
    };
  };
  return [
    prepared("float32"),
    { ...prepared("int8"), baseline: `${size.name} float32` },
    {
      name: `${size.name} forward`,
      flops,
      run: () => run("EarshotConv1d", { x, weight, bias }, attrs),
    },
    {
      name: `${size.name} input`,
      flops,
      run: () => run(GRADIENT_KERNELS.conv1dInput, { dy, weight }, { ...attrs, frames }),
    },
    {
      name: `${size.name} weight`,
      flops,
      run: () => run(GRADIENT_KERNELS.conv1dWeight, { x, dy }, { ...attrs, width }),
    },
  ];
}

await startBenchDevice();
measure(CONV_SIZES.flatMap(candidatesOf), { rounds: 7 });
