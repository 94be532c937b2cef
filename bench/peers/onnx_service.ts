/**
 * Classifies posted WAV files with onnxruntime-web behind Hono on Node, for `deno task load --phases peers`: the graph
 * that `export --format onnx` writes, and what else of `onnx_service.mjs MODEL_DIR PORT THREADS` is its arguments.
 *
 * Its packages come from npm when the comparison is asked for; nothing of Earshot imports them.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { readdir } from "node:fs/promises";
import process from "node:process";

interface Session {
  inputNames: string[];
  run(feeds: Record<string, unknown>): Promise<{ logits: { data: Float32Array } }>;
}

interface Runtime {
  env: { logLevel: string; wasm: { numThreads: number } };
  Tensor: new (type: "float32", values: Float32Array, shape: number[]) => unknown;
  InferenceSession: { create(graph: Uint8Array): Promise<Session> };
}

interface Context {
  req: { arrayBuffer(): Promise<ArrayBuffer> };
  json(value: unknown): Response;
}

interface App {
  fetch: unknown;
  get(path: string, answer: (c: Context) => Response): void;
  post(path: string, answer: (c: Context) => Promise<Response>): void;
}

/** A package whose types are not here. */
const packageOf = (name: string) => import(name);

const [directory, port, threads] = process.argv.slice(2) as [string, string, string];
const { env, Tensor, InferenceSession }: Runtime = await packageOf("onnxruntime-web");
const { Hono }: { Hono: new () => App } = await packageOf("hono");
const { serve } = await packageOf("@hono/node-server");
env.logLevel = "error";
env.wasm.numThreads = Number(threads);
const graph = (await readdir(`${directory}/onnx`)).find((name) => name.endsWith(".onnx"))!;
const session = await InferenceSession.create(await readFile(`${directory}/onnx/${graph}`));
const { id2label } = JSON.parse(await readFile(`${directory}/config.json`, "utf8"));
const [input] = session.inputNames as [string];
let last: Promise<unknown> = Promise.resolve();

/** Samples of a WAV of 16 bits and one channel, with zero mean and unit variance as the extractor does. */
function samplesOf(body: ArrayBuffer): Float32Array {
  const words = new Int16Array(body, 44);
  const [sum, squares] = words.reduce(([s, q], x) => [s + x, q + x * x], [0, 0]);
  const mean = sum / words.length;
  const scale = 1 / Math.sqrt(squares / words.length - mean * mean + 1e-7 * 2 ** 30);
  return Float32Array.from(words, (x) => (x - mean) * scale);
}

async function classify(body: ArrayBuffer): Promise<{ label: string; score: number }[]> {
  const samples = samplesOf(body);
  const { logits } = await session.run({
    [input]: new Tensor("float32", samples, [1, samples.length]),
  });
  const highest = Math.max(...logits.data);
  const powers = Array.from(logits.data, (logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b);
  const found = powers.map((power, i) => ({ label: id2label[i], score: power / sum }));
  return found.sort((a, b) => b.score - a.score).slice(0, 5);
}

const app = new Hono();
app.get("/livez", (c) => c.json({ status: "alive" }));
app.post("/", async (c) => {
  const body = await c.req.arrayBuffer();
  // A session computes one clip at a time.
  const found = last.then(() => classify(body));
  last = found.catch(() => {});
  return c.json(await found);
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(port) });
