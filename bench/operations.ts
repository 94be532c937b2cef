/**
 * Where the time of a model goes: the share of each operation, and of the kernels of WASM that it runs.
 *
 * Kernels are timed one by one while the model answers on one thread, again and again. Each pass runs the same kernels
 * in the same order, so that the least is taken at each place of it, and other work on the machine moves no share. What
 * is left of a pass is JavaScript: features, tensors, scores.
 *
 * @module
 */
import { getKernelsForBackend, registerKernel, unregisterKernel } from "@tensorflow/tfjs-core";
import { pipeline } from "../src/classify/pipeline.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { BACKEND_NAME } from "../src/kernels/wasm/_backend.ts";
import { ThreadPool } from "../src/kernels/wasm/_threads.ts";
import { directoryFor, withModel } from "./_models.ts";
import { noiseBatch, ROOT } from "./_process.ts";
import type { Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";

const WARM_UP_PASSES = 5;

/** `operations`. */
export const question: Question = {
  asks: "Where does the time of a model go, by operation and kernel?",
  options: {
    model: { help: "tiny, small, base or a model directory", default: "small" },
    dtype: { help: "f32, f16 or q8", default: "q8" },
    seconds: { help: "lengths of a clip, separated by commas", default: "1,5,10" },
    rounds: { help: "passes of which the least is taken", default: "31" },
    plain: { help: "the build without relaxed SIMD" },
  },
  answer,
};

/** What ran at one place of a pass. */
interface TimedCall {
  operation: string;
  kernel: string;
  ms: number;
  /** From the end of the one before. */
  gapMs: number;
}

let operation = "";
let calls: TimedCall[] = [];
let lastEnd = 0;

/** An operation with its shapes, as its kernel gets them. */
function nameOf(kernel: string, inputs: object, attrs: object): string {
  const { layout } = attrs as { layout?: { shape: readonly number[]; form: string } };
  const { x, q, weight } = inputs as Record<string, { shape: number[] } | undefined>;
  const shape = (x ?? q)?.shape.join(" x ") ?? "";
  const by = layout?.shape ?? weight?.shape;
  const form = layout?.form === "int8-panels" ? ", int8" : "";
  return `${kernel} ${shape}${by ? `, weight ${by.join(" x ")}${form}` : ""}`;
}

/** Puts a clock around all kernels. */
function watch(): void {
  for (const { kernelName, backendName, kernelFunc } of getKernelsForBackend(BACKEND_NAME)) {
    unregisterKernel(kernelName, backendName);
    registerKernel({
      kernelName,
      backendName,
      kernelFunc: (call) => {
        operation = nameOf(kernelName, call.inputs, call.attrs ?? {});
        return kernelFunc(call);
      },
    });
  }
  const { dispatch } = ThreadPool.prototype;
  ThreadPool.prototype.dispatch = function (kernel, ...rest) {
    const start = performance.now();
    dispatch.call(this, kernel, ...rest);
    const end = performance.now();
    calls.push({ operation, kernel, ms: end - start, gapMs: start - lastEnd });
    lastEnd = end;
  };
}

/** The least of each place of the passes. */
function leastOf(passes: readonly TimedCall[][]): TimedCall[] {
  return passes[0]!.map((call, i) => ({
    ...call,
    ms: Math.min(...passes.map((all) => all[i]!.ms)),
    gapMs: Math.min(...passes.map((all) => all[i]!.gapMs)),
  }));
}

async function* answer(options: Options): AsyncGenerator<BenchRow> {
  const dtype = options.oneOf("dtype", ["f32", "f16", "q8"]);
  const [model, rounds] = [options.text("model"), options.count("rounds")];
  yield* withModel(model, async function* (directories) {
    const directory = await directoryFor(dtype, { root: ROOT, ...directories });
    await startWasm({ relaxedSimd: options.flag("plain") ? false : undefined });
    watch();
    const classifier = await pipeline("audio-classification", directory);
    const { samplingRate } = classifier.extractor;
    for (const seconds of options.positives("seconds")) {
      const samples = noiseBatch([1, Math.round(seconds * samplingRate)]).inputs;
      const passes: TimedCall[][] = [];
      for (let pass = -WARM_UP_PASSES; pass < rounds; pass++) {
        calls = [];
        lastEnd = performance.now();
        await classifier({ samples, samplingRate });
        calls.push({ operation: "", kernel: "", ms: 0, gapMs: performance.now() - lastEnd });
        if (pass >= 0) passes.push(calls);
      }
      yield* rowsOf(`${model} ${dtype}, ${seconds} s`, leastOf(passes));
    }
    classifier.dispose();
  });
}

function* rowsOf(name: string, all: readonly TimedCall[]): Iterable<BenchRow> {
  const shares = new Map<string, number>();
  const add = (key: string, ms: number) => shares.set(key, (shares.get(key) ?? 0) + ms);
  for (const { operation, kernel, ms, gapMs } of all) {
    add("JavaScript", gapMs);
    if (ms > 0) add(`${operation}: ${kernel}`, ms);
  }
  const wholeMs = [...shares.values()].reduce((sum, ms) => sum + ms);
  yield rowOf(`${name}: whole pass`, wholeMs, "ms");
  for (const [key, ms] of [...shares].toSorted(([, a], [, b]) => b - a)) {
    yield rowOf(`${name}: ${key}`, 100 * ms / wholeMs, "%");
  }
}
