/**
 * How fast models of published shapes are beside onnxruntime-web on the same weights, in f32 and in 8 bits.
 *
 * Weights are drawn at random. The graphs are those that `export --format onnx` writes; in 8 bits that is
 * `MatMulInteger` of products, and beside it what onnxruntime's own quantizer makes of the graph in f32, convolutions
 * included, as transformers.js has models. Both engines run on one thread of one process, in turn. What extracts the
 * input is a row of its own, as the graphs do not hold it. Models of one length (AST, Whisper) are measured once.
 *
 * @module
 */
import { loadFeatureExtractor } from "../src/features/mod.ts";
import { directoryFiles } from "../src/files.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel } from "../src/models/mod.ts";
import { savePretrained } from "../src/pretrained.ts";
import { directoryFor, LABELS } from "./_models.ts";
import { measureInProcess, pathOf, ROOT, runCli } from "./_process.ts";
import { type PublishedShape, SHAPES } from "./_published_shapes.ts";
import type { PublishedRequest, PublishedTimes } from "./_published_process.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { median, medianRatio } from "./_timing.ts";
import { ONNXRUNTIME_WEB, quantizedGraph, UNLOCKED, whyMissing } from "./peers/peers.ts";

/** A graph holds 2 GB, which models with more layers than this exceed; their layers are alike. */
const MOST_LAYERS = 15;
const [F32, Q8] = ["f32", "q8"] as const;
type Dtype = typeof F32 | typeof Q8;

/** What rounding may do to logits that random weights make all but equal. */
const LEAST_COSINE: Record<Dtype, number> = { f32: 0.99999, q8: 0.95 };

const USUAL = SHAPES.map(({ name }) => name).filter((name) =>
  !/large|bert|ced-base|mn04/.test(name)
);

/** `published`. */
export const question: Question = {
  asks: "How fast are models of published shapes beside onnxruntime-web, in f32 and 8 bits?",
  options: {
    only: { help: "shapes, separated by commas", default: USUAL.join(",") },
    dtype: { help: "f32 and q8, separated by commas", default: "f32,q8" },
    seconds: { help: "lengths of a clip, separated by commas", default: "1,10" },
    rounds: { help: "timed runs of each engine", default: "3" },
    layers: { help: `layers of models with more than ${MOST_LAYERS}`, default: "12" },
    wall: { help: "count time on the wall: for a machine at rest" },
    python: { help: "Python that has onnxruntime, for its quantizer", default: "python3" },
  },
  answer,
};

/** A graph of onnxruntime-web. */
interface Graph {
  file: string;
  /** What it is called in a row. */
  kind: string;
}

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const names = options.someOf("only", SHAPES.map(({ name }) => name));
  const dtypes = options.someOf("dtype", [F32, Q8]);
  const missing = await whyMissing("onnxruntime-web", ONNXRUNTIME_WEB);
  if (missing) notes.line(missing);
  for (const shape of SHAPES.filter(({ name }) => names.includes(name))) {
    const scratch = await Deno.makeTempDir({ prefix: "earshot-bench-" });
    try {
      notes.progress(`${shape.name}: writing`);
      const layers = shape.layers > MOST_LAYERS ? options.count("layers") : shape.layers;
      const original = await writeShape(shape, layers, `${scratch}/model`);
      for (const dtype of dtypes) {
        notes.progress(`${shape.name}: ${dtype}`);
        const directory = await directoryFor(dtype, { root: ROOT, original, scratch });
        const python = options.text("python");
        const graphs = missing ? [] : await graphsOf(dtype, { original, scratch, python }, notes);
        const request: PublishedRequest = {
          directory,
          graphs: graphs.map(({ file }) => file),
          runtime: ONNXRUNTIME_WEB,
          seconds: lengthsOf(shape, options.positives("seconds")),
          rounds: options.count("rounds"),
          clock: options.flag("wall") ? "wall" : "processor",
          leastCosine: LEAST_COSINE[dtype],
        };
        const name = shape.layers > layers ? `${shape.name}, ${layers} layers` : shape.name;
        for (const times of await measured(request)) {
          yield* rowsOf(`${name} ${dtype}`, times, graphs);
        }
      }
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  }
}

/** A clip of a second costs these models what one of their own length does. */
function lengthsOf({ config }: PublishedShape, seconds: number[]): number[] {
  const hasOneLength = config.model_type === "whisper" ||
    config.model_type === "audio-spectrogram-transformer";
  return hasOneLength ? seconds.slice(-1) : seconds;
}

async function writeShape(
  { config }: PublishedShape,
  layers: number,
  directory: string,
): Promise<string> {
  const device = await startWasm();
  try {
    const depth = { num_hidden_layers: layers, encoder_layers: layers, depth: layers };
    const model = await buildModel({ ...config, ...depth }, { labels: [...LABELS], seed: 1 });
    const configs = `${directory}-config`;
    await Deno.mkdir(configs);
    await Deno.writeTextFile(`${configs}/config.json`, JSON.stringify(model.toConfig()));
    const files = directoryFiles(configs);
    const extractor = await loadFeatureExtractor(files, { onWarning: () => {} });
    await savePretrained(directory, model, extractor);
    return directory;
  } finally {
    device.dispose();
  }
}

interface Place {
  original: string;
  scratch: string;
  python: string;
}

async function graphsOf(dtype: Dtype, place: Place, notes: Notes): Promise<Graph[]> {
  const exported = await exportedGraph(dtype, place);
  if (dtype === F32) return [{ file: exported, kind: "" }];
  const products = { file: exported, kind: ", int8 of products" };
  const inFloats = await exportedGraph(F32, place);
  const file = await quantizedGraph(inFloats, `${place.scratch}/all.onnx`, place.python);
  if (file === undefined) notes.line(`no int8 of all: ${place.python} has no onnxruntime`);
  return file === undefined ? [products] : [products, { file, kind: ", int8 of all" }];
}

async function exportedGraph(dtype: Dtype, { original, scratch }: Place): Promise<string> {
  const output = `${scratch}/onnx-${dtype}`;
  const file = `${output}/onnx/${dtype === F32 ? "model" : "model_quantized"}.onnx`;
  const isThere = await Deno.stat(file).then(() => true, () => false);
  const model = ["--model", original, "--output", output];
  if (!isThere) await runCli(ROOT, "export", ...model, "--format", "onnx", "--dtype", dtype);
  return file;
}

async function measured(request: PublishedRequest): Promise<PublishedTimes[]> {
  const run = ["run", "--quiet", "-A", ...UNLOCKED, "--config", `${ROOT}/deno.json`];
  const command: [string, ...string[]] = [Deno.execPath(), ...run, pathOf("_published_process.ts")];
  return await measureInProcess<PublishedTimes[]>(command, request);
}

function* rowsOf(
  name: string,
  { seconds, featuresMs, earshot, peers }: PublishedTimes,
  graphs: readonly Graph[],
): Generator<BenchRow> {
  const row = rowOf(`${name}, ${seconds} s: forward pass`, median(earshot), "ms");
  if (peers.length === 0) yield row;
  for (const [i, times] of peers.entries()) {
    yield besides(row, `onnxruntime-web${graphs[i]!.kind}`, medianRatio(times, earshot));
  }
  yield rowOf(`${name}, ${seconds} s: features`, featuresMs, "ms");
}
