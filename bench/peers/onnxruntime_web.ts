/**
 * onnxruntime-web, measured in this process: samples to logits of a model that `export_onnx.py` wrote.
 *
 * The package is fetched by whoever wants the comparison, as `peers.ts` says, and its name is the first argument;
 * nothing of Earshot imports it.
 *
 * @module
 */
import { noiseBatch, peakRssMb, readRequest, sinceSpawn } from "../_process.ts";
import { medianMsOf } from "../_timing.ts";

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
}

interface Runtime {
  env: { wasm: { numThreads: number } };
  Tensor: new (type: "float32", data: Float32Array, shape: number[]) => unknown;
  InferenceSession: { create(model: Uint8Array): Promise<Session> };
}

/** Zero mean and unit variance, as the extractor does. */
function normalize(samples: Float32Array): Float32Array {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < samples.length; i++) sum += samples[i]!;
  const mean = sum / samples.length;
  for (let i = 0; i < samples.length; i++) squares += (samples[i]! - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / samples.length + 1e-7);
  const normal = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) normal[i] = (samples[i]! - mean) * scale;
  return normal;
}

const request = readRequest();
const [runtime, graph] = Deno.args as [string, string];
const { batch, seconds, threads, rounds, clock, original } = request;
const { env, Tensor, InferenceSession } = await import(runtime) as Runtime;
env.wasm.numThreads = threads;
const session = await InferenceSession.create(await Deno.readFile(graph));
const loadMs = sinceSpawn(request);
const preprocessor = await Deno.readTextFile(`${original}/preprocessor_config.json`);
const { sampling_rate: rateHz } = JSON.parse(preprocessor) as { sampling_rate: number };
const samples = Math.round(rateHz * seconds);
const { inputs: noise } = noiseBatch([batch, samples]);
const forward = async (values: Float32Array) => {
  const { logits } = await session.run({
    input_values: new Tensor("float32", values, [batch, samples]),
  });
  return logits!.data;
};
const classify = async () => {
  const values = new Float32Array(noise.length);
  for (let clip = 0; clip < batch; clip++) {
    const [from, to] = [clip * samples, (clip + 1) * samples];
    values.set(normalize(noise.subarray(from, to)), from);
  }
  return await forward(values);
};
await classify();
const firstMs = sinceSpawn(request);
const rssMb = peakRssMb();
await classify();
const medianMs = await medianMsOf(classify, { rounds, clock });
const values = normalize(noise);
const forwardMs = await medianMsOf(() => forward(values), { rounds, clock });
console.log(JSON.stringify({ medianMs, forwardMs, loadMs, firstMs, rssMb }));
Deno.exit(0);
