import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { decodeAudio, openAudio, type OpenedAudio, resample } from "../../src/audio/mod.ts";
import { fixture, FIXTURES } from "./fixtures.ts";
import { u16, wavFile } from "./wav_file.ts";

/** Those that say what they hold behind what they hold. */
const NEEDS_TO_GO_BACK = ["alac.caf", "alac24.m4a", "s16.mov"];

/** Those whose sound is one page of Ogg, or one frame, which is there when its checksum is. */
const ONE_PAGE = ["mono24.flac", "mono.ogg", "mono.oga", "mono.opus", "stereo.ogg", "stereo.opus"];

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.slice(at, at + size));
  }
}

function fileOf(bytes: Uint8Array) {
  const read = (start: number, end: number) => Promise.resolve(bytes.slice(start, end));
  return { sizeBytes: bytes.length, read };
}

async function samplesOf(audio: OpenedAudio): Promise<Float32Array> {
  const blocks = await Array.fromAsync(audio.blocks());
  return Float32Array.from(blocks.flatMap((block) => [...block]));
}

for (const name of FIXTURES) {
  Deno.test(`openAudio() gives the samples of decodeAudio() on ${name}, however the bytes come`, async () => {
    const bytes = await fixture(name);
    const { samples, warning, sampleRateHz, channels } = await decodeAudio(bytes);
    const sources = [bytes, fileOf(bytes)];
    sources.push(...[1, 7, 1_000_003].map((size) => piecesOf(bytes, size)) as never[]);
    for (const [i, source] of sources.entries()) {
      const audio = await openAudio(source, { file: name });
      deepEqual([audio.sampleRateHz, audio.channels], [sampleRateHz, channels]);
      deepEqual(await samplesOf(audio), samples, `source ${i}`);
      equal(audio.warning, warning);
    }
  });
}

Deno.test("openAudio() names a stream that would have to go back further than it may hold", async () => {
  for (const name of NEEDS_TO_GO_BACK) {
    const options = { file: name, maxHeldBytes: 600 };
    const read = async () =>
      await samplesOf(await openAudio(piecesOf(await fixture(name), 100), options));
    await rejects(read(), {
      name: "AudioFormatError",
      message: /a recording that can be read in order, found to go back from byte \d+ to byte \d+$/,
      hint: /Save it as a file first/,
      file: name,
    });
  }
});

Deno.test("openAudio() resamples to the samples of the whole", async () => {
  const pairs: [string, number][] = [["stereo.aac", 16_000], ["opus.webm", 8_000], [
    "mpeg2.mp3",
    16_000,
  ]];
  for (const [name, rateHz] of pairs) {
    const bytes = await fixture(name);
    const { samples, sampleRateHz } = await decodeAudio(bytes);
    const audio = await openAudio(piecesOf(bytes, 99), { samplingRate: rateHz });
    equal(audio.sampleRateHz, rateHz);
    deepEqual(await samplesOf(audio), resample(samples, sampleRateHz, rateHz), name);
  }
});

Deno.test("openAudio() gives sound before the source has ended, in every format", async () => {
  for (const name of FIXTURES.filter((name) => !NEEDS_TO_GO_BACK.includes(name))) {
    const bytes = await fixture(name);
    if (bytes.length < 1_500 || ONE_PAGE.includes(name)) continue;
    let taken = 0;
    const source = async function* () {
      for await (const piece of piecesOf(bytes, 16)) {
        taken += piece.length;
        yield piece;
      }
    };
    const { value } = await (await openAudio(source())).blocks().next();
    ok(value!.length > 0 && taken < bytes.length, `${name} after ${taken} of ${bytes.length}`);
  }
});

Deno.test("openAudio() holds no more of an endless recording than the piece in work", async () => {
  const head = wavFile({ dataSize: 0xffffffff, rateHz: 48_000 }, u16(0)).subarray(0, 44);
  let sent = 0;
  const source = async function* () {
    yield head;
    for (const piece = new Uint8Array(2 ** 16);; sent += piece.length) {
      yield await Promise.resolve(piece);
    }
  };
  const audio = await openAudio(source(), { samplingRate: 16_000 });
  let samples = 0;
  for await (const block of audio.blocks()) {
    samples += block.length;
    ok(block.length <= 2 ** 15);
    ok(sent / 2 / 3 - samples < 2 ** 16, `${sent} bytes sent, ${samples} samples back`);
    if (samples > 3_000_000) break;
  }
});

Deno.test("openAudio() closes the source when the loop is left, and when it fails", async () => {
  let closed = 0;
  const bytes = await fixture("mpeg1.mp3");
  const source = async function* (content: Uint8Array) {
    try {
      yield* piecesOf(content, 100);
    } finally {
      closed++;
    }
  };
  const audio = await openAudio(source(bytes));
  for await (const block of audio.blocks()) {
    ok(block.length > 0);
    break;
  }
  equal(closed, 1);
  await rejects(openAudio(source(new Uint8Array(600))), /zero bytes only/);
  equal(closed, 2);
});

Deno.test("openAudio() reads a stream of the web", async () => {
  const bytes = await fixture("stereo.opus");
  const audio = await openAudio(new Blob([bytes.slice()]).stream());
  deepEqual(await samplesOf(audio), (await decodeAudio(bytes)).samples);
});

Deno.test("openAudio() stops at the longest length allowed, and tells of a source that fails", async () => {
  const bytes = await fixture("stereo.ogg");
  const audio = await openAudio(piecesOf(bytes, 50), { maxSeconds: 0.05 });
  await rejects(samplesOf(audio), /expected at most 0.05 s, found [\d.]+ s or more/);
  const failing = async function* () {
    yield bytes.subarray(0, 4_500);
    await Promise.reject(new Error("the network is gone"));
  };
  const opened = await openAudio(failing());
  const error = await samplesOf(opened).catch((error: unknown) => error);
  match(`${error}`, /the network is gone/);
});
