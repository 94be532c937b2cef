/**
 * How many hours of sound are heard in an hour: `detect()` on long files, decoding and resampling included.
 *
 * Beside windows without overlap stand windows every half second, and the obvious other way: the same windows decoded at
 * once and given to the pipeline one by one. With onnxruntime-web installed, its time for one window is shown as the same
 * rate; it then neither decodes nor normalises.
 *
 * @module
 */
import { decodeAudio, encodeWav } from "../src/audio/mod.ts";
import { type AudioClassifier, type DetectOptions, pipeline } from "../src/classify/pipeline.ts";
import { useDevice } from "../src/devices.ts";
import { directoryFor, withModel } from "./_models.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type ModelRequest, ROOT } from "./_process.ts";
import { type BenchRow, besides, rowOf } from "./_records.ts";
import { PEERS } from "./peers/peers.ts";

/** `detect`. */
export const question: Question = {
  asks: "How many hours of sound are heard in an hour?",
  options: {
    model: { help: "a preset or a model directory", default: "tiny" },
    dtype: { help: "f32, f16 or q8", default: "q8" },
    minutes: { help: "length of the recordings", default: "20" },
    threads: { help: "threads of WASM", default: "1" },
    python: { help: "a Python with torch, for onnxruntime-web", default: "python3" },
  },
  answer,
};

const WINDOW_SECONDS = 2;
const WHOLE = { windowSeconds: WINDOW_SECONDS, hopSeconds: WINDOW_SECONDS, threshold: 1 };
const OVERLAPPING = { ...WHOLE, hopSeconds: 0.5 };
const HOUR_SEC = 3_600;

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const dtype = options.oneOf("dtype", ["f32", "f16", "q8"]);
  const [threads, minutes] = [options.count("threads"), options.positive("minutes")];
  const model = options.text("model");
  yield* withModel(model, async function* ({ original, scratch }) {
    const directory = await directoryFor(dtype, { root: ROOT, original, scratch });
    const files = await recordings(scratch, minutes * 60, notes);
    const device = await useDevice({ backend: "wasm", threads });
    const classifier = await pipeline("audio-classification", directory);
    const setting = `${model} ${dtype}, ${threads} thread${threads > 1 ? "s" : ""}`;
    for (const [format, file] of Object.entries(files)) {
      notes.progress(`${setting}, ${format}`);
      yield* rowsOf(classifier, { name: `${setting}, ${format}`, file, seconds: minutes * 60 });
    }
    classifier.dispose();
    device.dispose();
    const request: ModelRequest = {
      ...{
        task: "infer",
        root: ROOT,
        directory,
        original,
        scratch,
        dtype,
        backend: "wasm",
        threads,
      },
      ...{
        batch: 1,
        seconds: WINDOW_SECONDS,
        freeze: "none",
        part: "whole",
        rounds: 15,
        clock: "wall",
      },
    };
    yield* peerRows(setting, { ...request, python: options.text("python") }, notes);
  });
}

async function* rowsOf(
  classifier: AudioClassifier,
  { name, file, seconds }: { name: string; file: string; seconds: number },
): AsyncGenerator<BenchRow> {
  const rateOf = (ms: number) => seconds / (ms / 1_000);
  // Compiled, and the weights in the caches, before anything counts.
  await timeOf(() => detectAll(classifier, file, { ...WHOLE, hopSeconds: 60 }));
  const whole = rateOf(await timeOf(() => detectAll(classifier, file, WHOLE)));
  const overlapping = rateOf(await timeOf(() => detectAll(classifier, file, OVERLAPPING)));
  const clipByClip = rateOf(await timeOf(() => classifyAll(classifier, file)));
  yield rowOf(`${name}: detect()`, whole, "h/h");
  yield rowOf(`${name}: detect() every 0.5 s`, overlapping, "h/h");
  const row = rowOf(`${name}: each window through pipeline`, clipByClip, "h/h");
  yield besides(row, "detect()", clipByClip / whole);
}

async function* peerRows(
  setting: string,
  request: ModelRequest & { python: string },
  notes: Notes,
): AsyncGenerator<BenchRow> {
  for (const peer of Object.values(PEERS.infer)) {
    if (!peer.name.startsWith("onnxruntime-web")) continue;
    const found = await peer.measure(request);
    if (typeof found === "string") notes.line(found);
    else {
      const rate = WINDOW_SECONDS / (found.medianMs / 1_000);
      yield rowOf(`${setting}: ${peer.name}, windows alone`, rate, "h/h");
    }
  }
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function detectAll(
  classifier: AudioClassifier,
  file: string,
  options: DetectOptions,
): Promise<void> {
  for await (const _ of classifier.detect(file, options));
}

/** As one would without `detect()`: decode all of it, cut it, and classify each piece. */
async function classifyAll(classifier: AudioClassifier, file: string): Promise<void> {
  const { samples, sampleRateHz } = await decodeAudio(await Deno.readFile(file));
  const width = WINDOW_SECONDS * sampleRateHz;
  for (let at = 0; at + width <= samples.length; at += width) {
    await classifier({ samples: samples.subarray(at, at + width), samplingRate: sampleRateHz });
  }
}

/** 8 kHz as WAV, and 16 kHz as FLAC where ffmpeg is there to write it: noise whose loudness changes. */
async function recordings(
  folder: string,
  seconds: number,
  notes: Notes,
): Promise<Record<string, string>> {
  const wav = `${folder}/narrow.wav`;
  await Deno.writeFile(wav, encodeWav(noise(seconds * 8_000), 8_000));
  const wide = `${folder}/wide.wav`;
  const flac = `${folder}/wide.flac`;
  await Deno.writeFile(wide, encodeWav(noise(seconds * 16_000), 16_000));
  const args = ["-v", "error", "-i", wide, flac];
  const isWritten = await new Deno.Command("ffmpeg", { args }).output()
    .then(({ success }) => success, () => false);
  await Deno.remove(wide);
  if (isWritten) return { "8 kHz WAV": wav, "16 kHz FLAC": flac };
  notes.line("FLAC is left out: ffmpeg is not installed");
  return { "8 kHz WAV": wav };
}

function noise(length: number): Float32Array {
  let state = 1;
  const samples = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    samples[i] = (state / 2 ** 31 - 1) * 0.3 * (1 + Math.sin(i / HOUR_SEC));
  }
  return samples;
}
