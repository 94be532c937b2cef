/**
 * Every format goes through `/stream` and `/detect`, in pieces of any size, to the samples of `decodeAudio`.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { fixture, FIXTURES } from "../audio/fixtures.ts";
import { shortened } from "../../edge/_live_stream.ts";
import { fakeDetector } from "./_served.ts";
import { type LocalStream, localStreams } from "./_stream_client.ts";

const WINDOW = "window_seconds=0.02&scores=true&top_k=2";

/** Files whose description stands behind the sound, which a live stream does not wait for. */
const NEED_THE_END = ["alac.caf", "alac24.m4a", "s16.mov"];

interface Heard {
  start: number;
  scores: { label: string; score: number }[];
}

/** How loud each window is, by what came back. */
function loudnessOf(found: Record<string, unknown>[]): number[] {
  return found.filter((line) => "scores" in line).map((line) => {
    return (line as unknown as Heard).scores.find(({ label }) => label === "yes")!.score;
  });
}

async function expected(bytes: Uint8Array): Promise<number[]> {
  const { samples, sampleRateHz } = await decodeAudio(bytes);
  const size = Math.round(0.02 * sampleRateHz);
  return Array.from({ length: Math.floor(samples.length / size) }, (_, i) => {
    return Math.max(...samples.subarray(i * size, (i + 1) * size).map(Math.abs));
  });
}

function* piecesOf(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.slice(at, at + pieceBytes);
}

function send({ listener }: LocalStream, bytes: Uint8Array, pieceBytes: number): void {
  for (const piece of piecesOf(bytes, pieceBytes)) listener.message(piece);
  listener.message('{"end":true}');
}

for (const name of FIXTURES) {
  Deno.test(`${name} goes through /stream and /detect as through decodeAudio()`, async () => {
    const bytes = await fixture(name);
    const { app, open } = localStreams(fakeDetector());
    const detect = () => {
      const body = ReadableStream.from(piecesOf(bytes, 1_009));
      return app.fetch(new Request(`http://localhost/detect?${WINDOW}`, { method: "POST", body }));
    };
    const whole = await expected(bytes);
    if (NEED_THE_END.includes(name)) {
      const stream = await open(`?${WINDOW}`);
      send(stream, bytes, 1_000);
      equal((await stream.inbox.closing).code, 1007);
      match(
        String(stream.inbox.of("error")[0]?.error),
        /expected (a recording that can be read in order|MP4 with its description first)/,
      );
    }
    for (const pieceBytes of NEED_THE_END.includes(name) ? [] : [bytes.length, 1_009]) {
      const stream = await open(`?${WINDOW}`);
      send(stream, bytes, pieceBytes);
      equal((await stream.inbox.closing).code, 1000, name);
      deepEqual(loudnessOf(stream.inbox.all), whole);
    }
    const answer = await detect();
    const lines = (await answer.text()).trimEnd().split("\n").filter((line) => line !== "");
    deepEqual(loudnessOf(lines.map((line) => JSON.parse(line))), whole);
  });
}

Deno.test("a chained file of another rate or of more channels ends as in decodeAudio()", async () => {
  const { open } = localStreams(fakeDetector());
  for (const names of [["mono.ogg", "stereo.ogg"], ["mono.opus", "stereo.opus"]]) {
    const parts = await Promise.all(names.map(fixture));
    const bytes = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    const stream = await open(`?${WINDOW}`);
    send(stream, bytes, 1_009);
    const closing = await stream.inbox.closing;
    const { reason, code } = await expected(bytes).then((whole) => {
      deepEqual(loudnessOf(stream.inbox.all), whole);
      return { code: 1000, reason: "All was heard" };
    }, (error) => ({ code: 1007, reason: shortened(error.message) }));
    deepEqual(closing, { code, reason });
  }
});

Deno.test("eight channels of bare samples are heard as their mean", async () => {
  const { open } = localStreams(fakeDetector());
  const stream = await open(`?${WINDOW}&rate=8000&encoding=f32&channels=8`);
  const frames = Float32Array.from({ length: 8 * 160 }, (_, i) => i % 8 === 0 ? 0.8 : 0);
  send(stream, new Uint8Array(frames.buffer), 1_001);
  equal((await stream.inbox.closing).code, 1000);
  deepEqual(loudnessOf(stream.inbox.all), [Math.fround(Math.fround(0.8) / 8)]);
});
