/**
 * Lengths read from headers: right for sound files, bounded and harmless for others.
 *
 * @module
 */

import { deepEqual, equal, strictEqual } from "node:assert/strict";
import { clipDurations, wavDurationSec } from "../../src/data/durations.ts";
import { type ByteSource, bytesSource } from "../../src/weights/byte_source.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { folderTest, putFiles, toneWav } from "./folders.ts";

/** A source that counts the bytes which are read from it. */
function counting(bytes: Uint8Array, sizeBytes = bytes.length): ByteSource & { bytesRead: number } {
  const inner = bytesSource("clip.wav", bytes);
  return {
    ...inner,
    sizeBytes,
    bytesRead: 0,
    read(start: number, end: number) {
      this.bytesRead += end - start;
      return inner.read(start, end);
    },
  };
}

kitTest("wavDurationSec() reads what the reference decodes", async () => {
  const { files } = await readJson<{ files: Record<string, { rate: number; frames: number }> }>(
    kitPath("decode", "expected.json"),
  );
  let seen = 0;
  for (const [name, { rate, frames }] of Object.entries(files)) {
    if (!name.endsWith(".wav")) continue;
    const source = bytesSource(name, await Deno.readFile(kitPath("decode", name)));
    const seconds = await wavDurationSec(source);
    equal(Math.abs(seconds! - frames / rate) < 1 / rate, true, `${name}: ${seconds}`);
    seen++;
  }
  equal(seen, 17);
});

kitTest("wavDurationSec() gives a plain number or nothing for broken files", async () => {
  for await (const { name } of Deno.readDir(kitPath("decode", "bad"))) {
    const bytes = await Deno.readFile(kitPath("decode", "bad", name));
    const seconds = await wavDurationSec(bytesSource(name, bytes));
    equal(seconds === undefined || seconds >= 0 && Number.isFinite(seconds), true, name);
  }
});

Deno.test("wavDurationSec() reads a few dozen bytes of a long file", async () => {
  const bytes = toneWav(10);
  const source = counting(bytes);
  equal(await wavDurationSec(source), 10);
  equal(source.bytesRead < 100, true, `${source.bytesRead}`);
});

Deno.test("wavDurationSec() steps over the padding of an odd chunk", async () => {
  const wav = toneWav(1);
  const odd = new TextEncoder().encode("note\x03\0\0\0abc\0");
  const bytes = Uint8Array.of(...wav.slice(0, 12), ...odd, ...wav.slice(12));
  equal(await wavDurationSec(bytesSource("clip.wav", bytes)), 1);
});

Deno.test("wavDurationSec() takes an unfinished size to mean the rest of the file", async () => {
  for (const size of [0, 0xffffffff, 1_000_000]) {
    const bytes = toneWav(1);
    new DataView(bytes.buffer).setUint32(40, size, true);
    equal(await wavDurationSec(bytesSource("clip.wav", bytes)), 1);
  }
});

Deno.test("wavDurationSec() gives up on a file of chunks without end", async () => {
  const bytes = new Uint8Array(1_000_000);
  bytes.set(new TextEncoder().encode("RIFF----WAVE"));
  const source = counting(bytes);
  strictEqual(await wavDurationSec(source), undefined);
  equal(source.bytesRead < 3_000, true, `${source.bytesRead}`);
});

folderTest("clipDurations() covers files that are no WAV, or not there", async (dir) => {
  await putFiles(dir, ["a.wav"], toneWav(0.25));
  await putFiles(dir, ["b.mp3"], new Uint8Array(16_000));
  await putFiles(dir, ["c.wav"], new Uint8Array(0));
  const names = ["a.wav", "b.mp3", "c.wav", "missing.wav"];
  const clips = names.map((name) => ({ file: `${dir}/${name}`, label: 0 }));
  deepEqual(await clipDurations(clips), Float64Array.of(0.25, 2, 0, 0));
});

folderTest("clipDurations() reads a data set once", async (dir) => {
  await putFiles(dir, ["a.wav"], toneWav(0.25));
  const clips = [{ file: `${dir}/a.wav`, label: 0 }];
  const first = await clipDurations(clips);
  await putFiles(dir, ["a.wav"], toneWav(0.5));
  strictEqual(await clipDurations(clips), first);
  deepEqual(await clipDurations([...clips]), Float64Array.of(0.5));
});
