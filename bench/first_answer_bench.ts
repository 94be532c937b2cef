/**
 * The first answer of a bundle: from the start of a process to the labels of one second of audio, and its memory.
 *
 *     deno run -A bench/first_answer_bench.ts [--model small|base|DIR] [--dtype q8|f16|f32] [--rounds 5] [--json]
 *
 * A preset gets random weights. The model is exported, unless it is f32, and bundled, and the bundle started as its `deno.json` says,
 * anew for each round; the first request is sent as soon as it listens. Memory is the most that was resident then, as
 * Linux counts it. Files are in the page cache after the first round, which is not counted.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { encodeWav } from "../src/audio/mod.ts";
import { bundle } from "../src/commands/bundle.ts";
import { AutoFeatureExtractor } from "../src/pretrained.ts";
import { PACKED_DTYPES, type PackedDtype } from "../src/weights/packed.ts";
import { noiseBatch } from "./_noise.ts";
import { withModelDirectory } from "./_rows.ts";
import { median } from "./_timing.ts";

/** What one process took. */
interface FirstAnswer {
  /** From its start until it listens. */
  listeningMs: number;
  /** From its start until the answer is there, the one second of audio classified. */
  firstMs: number;
  /** From a second request to its answer. */
  secondMs: number;
  /** The most that was resident until the first answer. */
  peakRssMb: number;
}

/** Starts a bundle and asks it twice. */
async function measure(directory: string, clip: Uint8Array): Promise<FirstAnswer> {
  const env = { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1" };
  const args = ["run", "--allow-read=.", "--allow-net", "main.js"];
  const options = { args, cwd: directory, env, stdout: "null", stderr: "piped" } as const;
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), options).spawn();
  try {
    const url = await addressIn(child.stderr);
    const listeningMs = performance.now() - started;
    await ask(url, clip);
    const firstMs = performance.now() - started;
    const peakRssMb = await peakOf(child.pid);
    const asked = performance.now();
    await ask(url, clip);
    return { listeningMs, firstMs, secondMs: performance.now() - asked, peakRssMb };
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

async function addressIn(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!/http:\/\/[\d.]+:\d+\//.test(text)) {
    const { value, done } = await reader.read();
    if (done) throw new RangeError(`Cannot start the bundle: ${text}`);
    text += value;
  }
  reader.read().catch(() => {});
  return text.match(/http:\/\/[\d.]+:\d+\//)![0];
}

async function ask(url: string, clip: Uint8Array): Promise<void> {
  const response = await fetch(url, { method: "POST", body: clip.slice() });
  const text = await response.text();
  if (response.status !== 200) throw new RangeError(`Cannot get an answer: ${text}`);
}

async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1]) * 1024 / 1e6;
}

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "small" },
    dtype: { type: "string", default: "q8" },
    rounds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
const dtype: PackedDtype | undefined = PACKED_DTYPES.find((name) => name === values.dtype);
if (!dtype) throw new RangeError(`Cannot measure: expected q8, f16 or f32, found ${values.dtype}`);
await withModelDirectory(values.model, dtype, async ({ directory, scratch }) => {
  await bundle({ model: directory, output: `${scratch}/bundle` });
  const { samplingRate } = await AutoFeatureExtractor.fromPretrained(directory);
  const clip = encodeWav(noiseBatch([1, samplingRate]).inputs, samplingRate);
  await measure(`${scratch}/bundle`, clip);
  const found: FirstAnswer[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    found.push(await measure(`${scratch}/bundle`, clip));
  }
  const of = (field: keyof FirstAnswer) => Math.round(median(found.map((one) => one[field])));
  const row = {
    ...{ model: values.model, dtype, rounds: found.length },
    ...{ listeningMs: of("listeningMs"), firstMs: of("firstMs"), secondMs: of("secondMs") },
    peakRssMb: of("peakRssMb"),
  };
  if (values.json) return console.log(JSON.stringify(row));
  console.log(`${row.model} in ${dtype}, ${row.rounds} processes, medians`);
  console.log(`  listening     ${row.listeningMs} ms`);
  console.log(`  first answer  ${row.firstMs} ms`);
  console.log(`  second        ${row.secondMs} ms`);
  console.log(`  most memory   ${row.peakRssMb} MB`);
});
