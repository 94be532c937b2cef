/**
 * A model and its ONNX graphs, timed in turn in this process: from the extractor's input to logits, Earshot beside
 * onnxruntime-web.
 *
 * All engines get the same input, and must agree on its logits before anything is timed.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { pipeline } from "../src/classify/pipeline.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { noiseBatch, readRequest } from "./_process.ts";
import { type ClockName, medianMsOf, timeInTurn } from "./_timing.ts";

/** What to measure. */
export interface PublishedRequest {
  /** The model directory that Earshot loads. */
  directory: string;
  /** The same model for onnxruntime-web. */
  graphs: string[];
  /** What to import for that. */
  runtime: string;
  /** Lengths of a clip. */
  seconds: number[];
  rounds: number;
  clock: ClockName;
  /** Cosine that the logits of all engines must have. */
  leastCosine: number;
}

/** Times of one length, in milliseconds by round. */
export interface PublishedTimes {
  seconds: number;
  /** Samples to the model's input. */
  featuresMs: number;
  earshot: number[];
  /** For each graph. */
  peers: number[][];
}

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
}

interface Runtime {
  env: { logLevel: string; wasm: { numThreads: number } };
  Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => unknown;
  InferenceSession: { create(model: Uint8Array): Promise<Session> };
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [products, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    products += a[i]! * b[i]!;
    squaresA += a[i]! ** 2;
    squaresB += b[i]! ** 2;
  }
  return products / Math.sqrt(squaresA * squaresB);
}

/** `[rows, columns]` as `[columns, rows]`. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column]!;
    }
  }
  return result;
}

const request = readRequest<PublishedRequest>();
const { rounds, clock, leastCosine } = request;
const device = await startWasm({ threads: 1 });
const { model, extractor } = await pipeline("audio-classification", request.directory);
const { env, Tensor, InferenceSession } = await import(request.runtime) as Runtime;
env.wasm.numThreads = 1;
env.logLevel = "error";
const sessions: Session[] = [];
for (const graph of request.graphs) {
  sessions.push(await InferenceSession.create(await Deno.readFile(graph)));
}

async function timesOf(seconds: number): Promise<PublishedTimes> {
  const { inputs: samples } = noiseBatch([1, Math.round(seconds * extractor.samplingRate)]);
  const { inputValues: inputs, shape } = extractor.extract([samples]);
  const [, frames, bands] = shape as [number, number, number?];
  const bandsFirst = extractor.type === "WhisperFeatureExtractor" && bands !== undefined;
  const feed = bandsFirst
    ? new Tensor("float32", transposed(inputs, frames, bands), [1, bands, frames])
    : new Tensor("float32", inputs, shape);
  const ours = async () => {
    const logits = tidy(() => model.forward({ inputs: tensor(inputs, shape) }).logits);
    const values = await logits.data<"float32">();
    logits.dispose();
    return values;
  };
  const theirs = sessions.map((session) => async () => {
    const { logits } = await session.run({ [extractor.inputName]: feed });
    return logits!.data;
  });
  const expected = await ours();
  for (const [i, run] of theirs.entries()) {
    const found = cosine(expected, await run());
    if (found >= leastCosine) continue;
    throw new RangeError(
      `Cannot compare "${
        request.graphs[i]
      }": expected logits with a cosine of ${leastCosine}, found ${found}`,
    );
  }
  const featuresMs = await medianMsOf(() => extractor.extract([samples]), { rounds, clock });
  const [earshot, ...peers] = await timeInTurn([ours, ...theirs], {
    rounds,
    clock,
    warmUpMs: 0,
    roundMs: 50,
  });
  return { seconds, featuresMs, earshot: earshot!, peers };
}

const found: PublishedTimes[] = [];
for (const seconds of request.seconds) found.push(await timesOf(seconds));
device.dispose();
console.log(JSON.stringify(found));
Deno.exit(0);
