/**
 * How fast each kernel of WASM is, beside that of stock TensorFlow.js: a suite for each kind, ours and theirs in
 * processes of their own.
 *
 * What the stock binary has not, such as the gradients of a convolution, has no figure beside it; `of the peak` is the
 * share of what the machine can do in that arithmetic.
 *
 * @module
 */
import { version_core as tfjsVersion } from "@tensorflow/tfjs-core";
import { type KernelRequest, SUITES, type TimedKernel } from "./_kernel_cases.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { measureByScript } from "./_process.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";

/** `kernels`. */
export const question: Question = {
  asks: "How fast is each kernel of WASM, beside stock TensorFlow.js?",
  options: {
    suite: { help: `${SUITES.join(", ")}, or several`, default: SUITES.join(",") },
    threads: { help: "threads of ours; stock has one", default: "1" },
    rounds: { help: "rounds of 20 ms for each kernel", default: "9" },
    plain: { help: "the build without relaxed SIMD" },
  },
  answer,
};

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const shared = { threads: options.count("threads"), rounds: options.count("rounds") };
  const plain = options.flag("plain");
  for (const suite of options.someOf("suite", SUITES)) {
    const request: KernelRequest = { ...shared, plain, suite };
    notes.progress(`${suite}, stock TensorFlow.js`);
    const stock = await measureByScript<TimedKernel[]>("peers/stock_kernels.ts", request);
    notes.progress(`${suite}, ours`);
    const ours = await measureByScript<TimedKernel[]>("_our_kernels_process.ts", request);
    const beside = new Map(stock.map(({ name, medianMs }) => [name, medianMs]));
    for (const kernel of ours) yield* rowsOf(kernel, request, beside.get(kernel.name));
  }
}

function* rowsOf(
  { name, medianMs, peakFraction }: TimedKernel,
  { suite, threads, plain }: KernelRequest,
  stockMs: number | undefined,
): Generator<BenchRow> {
  const how = `${threads > 1 ? `, ${threads} threads` : ""}${plain ? ", plain" : ""}`;
  const row = rowOf(`${suite}, ${name}${how}`, medianMs, "ms");
  yield stockMs ? besides(row, `stock tfjs ${tfjsVersion}`, stockMs / medianMs) : row;
  if (peakFraction) yield rowOf(`${row.name}: of the peak`, 100 * peakFraction, "%");
}
