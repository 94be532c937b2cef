import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { tensor } from "@tensorflow/tfjs-core";
import { UnsupportedOpError } from "../../src/errors.ts";
import { exportOnnx, type OnnxDtype } from "../../src/export/mod.ts";
import type { FeatureExtractor } from "../../src/features/mod.ts";
import { AutoFeatureExtractor, loadPretrained } from "../../src/pretrained.ts";
import { buildModel } from "../../src/models/mod.ts";
import { onnxFile } from "../../src/graphs/mod.ts";
import { Random } from "../../src/random.ts";
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { assertAllClose } from "../compare.ts";
import { GOLDEN_DIR, goldenCases } from "../golden_cases.ts";
import { OTHER_HEADS, otherHead, withOtherHead } from "../other_heads.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";
import type { GraphJob } from "./run_graphs.ts";

const RUNTIME = "npm:onnxruntime-web@1.30.0";
const CHILD = ["run", "--quiet", "--no-lock", "--node-modules-dir=none", "-A"];

/** Whether the runtime is here or can be fetched; on a machine of CI it must be. */
async function hasRuntime(): Promise<boolean> {
  if (Deno.env.get("CI")) return true;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--node-modules-dir=none", `await import("${RUNTIME}")`],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

const RUNS = await hasRuntime();

/** A test that runs graphs in the runtime of {@linkcode RUNTIME}. */
function runtimeTest(name: string, fn: () => Promise<void>): void {
  const shown = RUNS ? name : `${name} [skipped: ${RUNTIME} cannot be fetched]`;
  Deno.test({ name: shown, ignore: !RUNS, fn });
}

/** What the runtime gives for each batch of each job. */
async function runGraphs(jobs: readonly GraphJob[]): Promise<number[][][]> {
  const program = new URL("run_graphs.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...CHILD, program, RUNTIME],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = jobs.map((job) => `${JSON.stringify(job)}\n`).join("");
  const [, { stdout, success }] = await Promise.all([
    new Blob([lines]).stream().pipeTo(child.stdin),
    child.output(),
  ]);
  ok(success, "the runtime failed");
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

interface Batch {
  shape: number[];
  values: Float32Array;
}

/** Batches of 1 and 3, of three lengths where the model takes any. */
function batchesFor(
  extractor: FeatureExtractor,
  minSamples: number,
  frames: readonly number[],
): Batch[] {
  const random = new Random(7);
  const { shape: [, length, bands] } = extractor.extract([new Float32Array(extractor.minSamples)]);
  const clips = bands === undefined
    ? [minSamples + 1, minSamples + 1_234, 7_001].map((samples) => [samples])
    : (extractor.fixedSamples === undefined ? frames : [length!]).map((n) => [n, bands]);
  return clips.flatMap((clip) =>
    [1, 3].map((count) => {
      const size = clip.reduce((a, b) => a * b, count);
      return {
        shape: [count, ...clip],
        values: Float32Array.from({ length: size }, () => random.normal()),
      };
    })
  );
}

/** A spectrogram as the graph takes it: bands first where the reference's extractor gives it so. */
function asInput({ shape, values }: Batch, bandsFirst: boolean): GraphJob["batches"][number] {
  if (!bandsFirst) return { shape, values: [...values] };
  const [count, frames, bands] = shape as [number, number, number];
  const turned = Array.from(values, (_, i) => {
    const [clip, rest] = [Math.floor(i / (frames * bands)), i % (frames * bands)];
    return values[(clip * frames + rest % frames) * bands + Math.floor(rest / frames)]!;
  });
  return { shape: [count, bands, frames], values: turned };
}

/** Exports a model directory; the job for its graph, and what the model itself gives. */
async function exported(
  directory: string,
  dtype: OnnxDtype,
): Promise<{ job: GraphJob; expected: number[][] }> {
  const output = await Deno.makeTempDir();
  const { file, input } = await exportOnnx({ model: directory, output, dtype });
  const extractor = await AutoFeatureExtractor.fromPretrained(directory);
  const model = await loadPretrained(directory);
  const maxFrames = model.toConfig().target_length as number | undefined;
  const batches = batchesFor(
    extractor,
    model.minSamples,
    maxFrames ? [4, 9, maxFrames] : [1, 8, 77],
  );
  const expected: number[][] = [];
  for (const { shape, values } of batches) {
    const [lengths, rows] = [new Int32Array(shape[0]!).fill(shape[1]!), shape];
    const logits = await model.logits({ inputValues: values, shape: rows, lengths });
    expected.push(logits.flatMap((row) => [...row]));
  }
  model.dispose();
  const inputs = batches.map((batch) =>
    asInput(batch, extractor.type === "WhisperFeatureExtractor")
  );
  return { job: { graph: join(output, file), input, batches: inputs }, expected };
}

runtimeTest("onnxFile() gives the logits of every golden case, whatever the length", async () => {
  const device = await startWasm();
  const names = goldenCases();
  const cases: Awaited<ReturnType<typeof exported>>[] = [];
  for (const name of names) cases.push(await exported(join(GOLDEN_DIR, name), "f32"));
  const found = await runGraphs(cases.map(({ job }) => job));
  equal(found.length, names.length);
  for (const [n, { expected }] of cases.entries()) {
    for (const [i, logits] of expected.entries()) {
      const difference = Math.max(
        ...logits.map((value, k) => Math.abs(value - found[n]![i]![k]!)),
      );
      ok(difference <= 1e-4, `${names[n]}, batch ${i}: ${difference}`);
    }
  }
  device.dispose();
});

runtimeTest("onnxFile() in 8 bits gives scores of nearly the same direction", async () => {
  const device = await startWasm();
  const { job, expected } = await exported("models/voice_menu", "q8");
  const [found] = await runGraphs([job]);
  for (const [i, logits] of expected.entries()) {
    const length = (values: number[]) => Math.hypot(...values);
    const product = logits.reduce((sum, value, k) => sum + value * found![i]![k]!, 0);
    const cosine = product / length(logits) / length(found![i]!);
    ok(cosine > 0.999, `batch ${i}: cosine ${cosine}`);
    ok(cosine < 1, "nothing was rounded");
  }
  device.dispose();
});

/** The graph of a case, and what the model itself gives for its clips, alone and together. */
async function exportedHead(name: string): Promise<{ jobs: GraphJob[]; expected: number[][][] }> {
  const folder = await Deno.makeTempDir();
  const { file, input } = await exportOnnx({ model: otherHead(name), output: folder });
  const jobs: GraphJob[] = [];
  const expected: number[][][] = [];
  await withOtherHead(name, async ({ model, batch: { inputValues, shape } }) => {
    const [clips, ...clip] = shape as [number, ...number[]];
    const single = inputValues.subarray(0, inputValues.length / clips);
    const batches = [
      { shape, values: [...inputValues] },
      { shape: [1, ...clip], values: [...single] },
    ];
    const passes = batches.map(({ shape, values }) => {
      return model.forward({ inputs: tensor(values, shape) });
    });
    for (const output of model.headKind === "frames" ? ["logits"] : ["logits", "embeddings"]) {
      jobs.push({ graph: join(folder, file), input, output, batches });
      expected.push(
        await Promise.all(passes.map(async ({ logits, pooled }) => {
          return [...await (output === "logits" ? logits : pooled).data()];
        })),
      );
    }
  });
  return { jobs, expected };
}

runtimeTest(
  "onnxFile() gives scores of frames, and speakers' vectors beside their logits",
  async () => {
    const device = await startWasm();
    const cases: Awaited<ReturnType<typeof exportedHead>>[] = [];
    for (const name of OTHER_HEADS) cases.push(await exportedHead(name));
    const found = await runGraphs(cases.flatMap(({ jobs }) => jobs));
    cases.flatMap(({ expected }) => expected).forEach((batches, job) => {
      batches.forEach((values, i) => assertAllClose(found[job]![i]!, values, { atol: 1e-4 }));
    });
    equal(found.length, 18);
    device.dispose();
  },
);

const SETTINGS = { inputName: "input_values", producer: { name: "earshot", version: "0" } };

Deno.test("onnxFile() gives as many bytes as it says", async () => {
  const device = await startWasm();
  const { config } = TINY_ARCHITECTURES["wav2vec2"]!;
  const model = await buildModel(config);
  const file = await onnxFile(model, SETTINGS);
  let bytes = 0;
  for await (const chunk of file.chunks()) bytes += chunk.length;
  equal(bytes, file.byteLength);
  model.dispose();
  device.dispose();
});

Deno.test("onnxFile() refuses low-rank changes, and leaves the device as it was", async () => {
  const device = await startWasm();
  const model = await buildModel(TINY_ARCHITECTURES["wav2vec2"]!.config);
  const before = await model.logits({ inputValues: new Float32Array(400), shape: [1, 400] });
  await onnxFile(model, SETTINGS);
  deepEqual(await model.logits({ inputValues: new Float32Array(400), shape: [1, 400] }), before);
  model.addLora({ rank: 2 });
  await rejects(
    () => onnxFile(model, SETTINGS),
    (error: Error) => error instanceof UnsupportedOpError && /low-rank/.test(error.message),
  );
  model.dispose();
  device.dispose();
});
