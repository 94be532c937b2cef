/**
 * The sound in the page: shared fairly, cut where it is long, and never the reason for no report.
 *
 * @module
 */
import assert from "node:assert/strict";
import { decodeWav } from "../../src/audio/mod.ts";
import { dataUrl, embedClips, fairShare } from "../../src/report/_clip_audio.ts";
import { reportHtml } from "../../src/report/mod.ts";
import { sampleReport } from "./sample.ts";

const LIMITS = { maxClipSec: 10, maxAudioBytes: 1_000_000 };

function clipOf(file: string) {
  return { file, target: 0, logits: [1, 0] };
}

function tone(seconds: number, sampleRateHz: number) {
  const samples = Float32Array.from(
    { length: seconds * sampleRateHz },
    (_, i) => Math.sin(i / 9) / 2,
  );
  return { samples, sampleRateHz };
}

Deno.test("fairShare() gives long ones what short ones leave", () => {
  assert.equal(fairShare([1, 10, 10], 11), 5);
  assert.equal(fairShare([10, 1, 3], 100), Infinity);
  assert.equal(fairShare([], 5), Infinity);
  assert.equal(fairShare([4, 4], 0), 0);
});

Deno.test("embedClips() cuts at the seconds and at the bytes", async () => {
  const readClip = () => tone(30, 8000);
  const clips = [clipOf("a.wav"), clipOf("b.wav")];
  const bySeconds = await embedClips(clips, { ...LIMITS, readClip });
  assert.deepEqual(bySeconds.map(({ audio }) => audio!.samples.length), [80_000, 80_000]);
  assert.equal(bySeconds[0]!.wholeSec, 30);
  const byBytes = await embedClips(clips, { ...LIMITS, maxAudioBytes: 40_000, readClip });
  assert.deepEqual(byBytes.map(({ audio }) => audio!.samples.length), [10_000, 10_000]);
});

Deno.test("embedClips() brings high rates down", async () => {
  const [clip] = await embedClips([clipOf("a.wav")], {
    ...LIMITS,
    readClip: () => tone(1, 48_000),
  });
  assert.equal(clip!.audio!.sampleRateHz, 16_000);
  assert.equal(clip!.audio!.samples.length, 16_000);
});

Deno.test("dataUrl() holds a WAV file that decodes to the samples", () => {
  const { samples, sampleRateHz } = tone(2, 16_000);
  const url = dataUrl({ samples, sampleRateHz });
  const bytes = Uint8Array.from(
    atob(url.slice("data:audio/wav;base64,".length)),
    (char) => char.charCodeAt(0),
  );
  const decoded = decodeWav(bytes);
  assert.equal(decoded.sampleRateHz, sampleRateHz);
  assert.equal(decoded.samples.length, samples.length);
  assert.ok(decoded.samples.every((x, i) => Math.abs(x - samples[i]!) <= 0.5 / 2 ** 15));
});

Deno.test("reportHtml() keeps the audio within its bytes, and says what was cut", async () => {
  const data = sampleReport({ classes: 3, clips: 30 });
  const page = await reportHtml(data, { readClip: () => tone(8, 16_000), maxAudioBytes: 320_000 });
  const urls = Array.from(
    page.matchAll(/src="data:audio\/wav;base64,([^"]+)"/g),
    ([, text]) => text!,
  );
  assert.equal(urls.length, 20);
  const bytes = urls.reduce((sum, text) => sum + text.length * 3 / 4, 0);
  assert.ok(bytes <= 320_000 + 20 * 46, `${bytes} bytes`);
  assert.equal(page.match(/first 0\.5 s of 8\.0 s/g)?.length, 20);
});

Deno.test("reportHtml() says why a clip cannot be played, and shows the others", async () => {
  const data = sampleReport({ classes: 3, clips: 2 });
  const [broken] = data.evaluation!.clips;
  const page = await reportHtml(data, {
    readClip: ({ file }) => {
      if (file === broken!.file) throw new RangeError("its bytes are gone");
      return tone(1, 16_000);
    },
  });
  assert.equal(page.match(/It cannot be played here: its bytes are gone/g)?.length, 1);
  assert.equal(page.match(/<audio /g)?.length, 1);
});
