/**
 * How soon live sound is answered, and in what memory: `serve` as a process of its own, its `/stream` fed by a client.
 *
 * **Latency** is from the last sample of a window to its scores, sound sent in pieces of 20 ms as it would be recorded,
 * without the time that the same window takes when nothing else is done. **Growth** is what is resident after hours of
 * sound, fed as fast as they are heard, beside what was after the first of them, as Linux counts it.
 *
 * @module
 */
import { type AudioClassifier, pipeline } from "../src/classify/pipeline.ts";
import { STEADY_V8_FLAGS } from "../src/commands/registry.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { fromWhereTyped, ROOT } from "./_process.ts";
import { type BenchRow, rowOf } from "./_records.ts";
import { median } from "./_timing.ts";

const RATE_HZ = 8_000;
const PIECE_SAMPLES = 160;
const WINDOW_SECONDS = 2;
const HOP_SECONDS = 0.5;
const FED_BYTES = 2 ** 16;

/** `live`. */
export const question: Question = {
  asks: "How soon does /stream answer, and does its memory grow?",
  options: {
    model: { help: "a model directory", default: `${ROOT}/models/voice_menu` },
    seconds: { help: "of sound at the pace of its recording", default: "30" },
    hours: { help: "of sound as fast as it is heard", default: "24" },
  },
  answer,
};

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const model = fromWhereTyped(options.text("model"));
  const classifier = await pipeline("audio-classification", model);
  const computeMs = await windowMs(classifier);
  classifier.dispose();
  yield rowOf("one window of 2 s, computed", computeMs, "ms");
  const { child, url } = await startService(model);
  try {
    notes.progress("live");
    const latencies = await latenciesOf(url, options.count("seconds"));
    const beyond = latencies.map((ms) => ms - computeMs).sort((a, b) => a - b);
    yield rowOf("last sample to scores, beyond computing, median", median(beyond), "ms");
    yield rowOf("last sample to scores, beyond computing, longest", beyond.at(-1)!, "ms");
    const { firstMb, lastMb, tookMs } = await fedFor(options.count("hours"), url, child.pid, notes);
    yield rowOf("resident after the first hour", firstMb, "MB");
    yield rowOf(
      `resident after ${options.count("hours")} hours, beside it`,
      lastMb - firstMb,
      "MB",
    );
    yield rowOf(`${options.count("hours")} hours fed in`, tookMs / 1_000, "s");
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

function noise(samples: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: samples }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    return state / 2 ** 33;
  });
}

function s16(samples: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Int16Array.from(samples, (sample) => sample * 32_767).buffer);
}

async function windowMs(classifier: AudioClassifier): Promise<number> {
  const clip = { samples: noise(WINDOW_SECONDS * RATE_HZ), samplingRate: RATE_HZ };
  const took: number[] = [];
  for (let round = 0; round < 25; round++) {
    const started = performance.now();
    await classifier(clip);
    if (round >= 5) took.push(performance.now() - started);
  }
  return median(took);
}

async function startService(model: string): Promise<{ child: Deno.ChildProcess; url: string }> {
  const args = [
    ...["run", "--quiet", "-P=serve", STEADY_V8_FLAGS, "cli.ts"],
    ...["serve", "--port", "0", "--model", model],
  ];
  const options = { args, cwd: ROOT, env: { NO_COLOR: "1" } };
  const child = new Deno.Command(Deno.execPath(), {
    ...options,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    const place = /http:(\/\/[\d.]+:\d+\/)/.exec(text)?.[1];
    if (place) return { child, url: `ws:${place}stream?rate=${RATE_HZ}` };
  }
  throw new RangeError(`Cannot start the service: ${text}`);
}

type Message = Record<string, unknown> & { type: string };

/** Opens a stream, and waits for its greeting. */
async function opened(url: string, take: (message: Message) => void): Promise<WebSocket> {
  const socket = new WebSocket(url);
  const ready = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    const message: Message = JSON.parse(data);
    if (message.type === "ready") ready.resolve();
    else take(message);
  };
  socket.onclose = ({ reason }) => ready.reject(new RangeError(`Cannot open a stream: ${reason}`));
  await ready.promise;
  return socket;
}

async function latenciesOf(url: string, seconds: number): Promise<number[]> {
  const windows = `&window_seconds=${WINDOW_SECONDS}&hop_seconds=${HOP_SECONDS}&scores=true`;
  const sentAt: number[] = [];
  const latencies: number[] = [];
  const socket = await opened(url + windows, ({ type, end }) => {
    const piece = Math.round(end as number * RATE_HZ / PIECE_SAMPLES) - 1;
    if (type === "scores") latencies.push(performance.now() - sentAt[piece]!);
  });
  const bytes = s16(noise(PIECE_SAMPLES));
  const started = performance.now();
  for (let piece = 0; piece * PIECE_SAMPLES < seconds * RATE_HZ; piece++) {
    const due = started + piece * PIECE_SAMPLES / RATE_HZ * 1_000;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    sentAt.push(performance.now());
    socket.send(bytes);
  }
  // The first window compiles what all use.
  latencies.shift();
  await closed(socket);
  return latencies;
}

/** Says that all is sent, and waits until it is heard. */
async function closed(socket: WebSocket): Promise<void> {
  const gone = new Promise((resolve) => socket.onclose = resolve);
  socket.send('{"end":true}');
  await gone;
}

async function fedFor(
  hours: number,
  url: string,
  pid: number,
  notes: Notes,
): Promise<{ firstMb: number; lastMb: number; tookMs: number }> {
  const windows = `&window_seconds=${WINDOW_SECONDS}&hop_seconds=${WINDOW_SECONDS}`;
  let taken = 0;
  let wake = Promise.withResolvers<void>();
  const socket = await opened(`${url}${windows}&progress=true`, ({ type, bytes }) => {
    if (type === "progress") taken = bytes as number;
    wake.resolve();
  });
  const piece = s16(noise(FED_BYTES / 2));
  const hourBytes = 2 * RATE_HZ * 3_600;
  const hourly: number[] = [];
  const started = performance.now();
  for (let sent = 0; sent < hours * hourBytes; sent += piece.length) {
    while (sent - taken > 2 ** 20) {
      wake = Promise.withResolvers();
      await wake.promise;
    }
    socket.send(piece);
    if (sent + piece.length < (hourly.length + 1) * hourBytes) continue;
    hourly.push(await residentMb(pid));
    notes.progress(`${hourly.length} h: ${hourly.at(-1)!.toFixed(0)} MB`);
  }
  await closed(socket);
  const tookMs = performance.now() - started;
  return { firstMb: hourly[0]!, lastMb: await residentMb(pid), tookMs };
}

async function residentMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1_024;
}
