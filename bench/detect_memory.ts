/**
 * What a day of sound from a source that never ends leaves in memory: a WAV stream, fed as fast as it is taken, goes
 * through `detect()` in a process that does nothing else.
 *
 * The model is as small as can be and hears half a second a minute, so that reading, decoding, resampling, windows and
 * events take most of the time. Resident memory is read after the first hour, when all code is compiled and all buffers
 * have their size, and at the end.
 *
 * @module
 */
import { encodeWav } from "../src/audio/mod.ts";
import { createClassifier } from "../src/classify/pipeline.ts";
import { useDevice } from "../src/devices.ts";
import { tinyExtractor, tinyModel } from "../test/tiny_model.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";

/** `detect-memory`. */
export const question: Question = {
  asks: "What does a day of sound from a source that never ends leave in memory?",
  options: {
    hours: { help: "hours of sound, more than one", default: "24" },
    rate: { help: "hertz of the source; the model takes 8000", default: "16000" },
  },
  answer,
};

const HOUR_SEC = 3_600;

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const [hours, rateHz] = [options.positive("hours"), options.count("rate")];
  const device = await useDevice({ backend: "wasm", threads: 1 });
  const classifier = createClassifier(await tinyModel(), tinyExtractor());
  const ending = new AbortController();
  let firstHourBytes = 0;
  let windows = 0;
  const events = classifier.detect(endless(rateHz), {
    windowSeconds: 0.5,
    hopSeconds: 60,
    threshold: 0.4,
    signal: ending.signal,
    onScores: ({ end }) => {
      windows++;
      if (firstHourBytes === 0 && end > HOUR_SEC) firstHourBytes = Deno.memoryUsage().rss;
      if (windows % 60 === 0) notes.progress(`${Math.round(end / HOUR_SEC)} h`);
      if (end > hours * HOUR_SEC) ending.abort();
    },
  });
  let count = 0;
  try {
    for await (const _ of events) count++;
  } catch (error) {
    if (!ending.signal.aborted) throw error;
  }
  const growth = Deno.memoryUsage().rss - firstHourBytes;
  const name = `${hours} h at ${rateHz} Hz, ${windows} windows, ${count} events`;
  yield rowOf(`${name}: resident after an hour`, firstHourBytes / 1e6, "MB");
  yield rowOf(`${name}: growth until the end`, growth / 1e6, "MB");
  classifier.dispose();
  device.dispose();
}

/** A WAV file whose header claims as much as it can, and which goes on after that. */
async function* endless(rateHz: number): AsyncGenerator<Uint8Array> {
  const second = Float32Array.from({ length: rateHz }, (_, i) => Math.sin(i / 7) * 0.5);
  const file = encodeWav(second, rateHz);
  const header = file.subarray(0, 44);
  const view = new DataView(header.buffer, 0, 44);
  view.setUint32(4, 2 ** 32 - 1, true);
  view.setUint32(40, 2 ** 32 - 1, true);
  yield header;
  for (const piece = file.subarray(44);;) {
    yield piece;
    await new Promise<void>((resolve) => queueMicrotask(resolve));
  }
}
