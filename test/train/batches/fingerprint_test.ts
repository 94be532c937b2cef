import { equal, match, notEqual } from "node:assert/strict";
import { encodeWav } from "../../../src/audio/mod.ts";
import { openBytes } from "../../../src/data/_data_files.ts";
import { clipDurations } from "../../../src/data/durations.ts";
import { FileError } from "../../../src/errors.ts";
import type { AudioClip } from "../../../src/data/audio_dataset.ts";
import { clipFingerprint } from "../../../src/train/batches/_fingerprint.ts";

const LABELS = ["no", "yes"];

interface Clips {
  folder: string;
  clips: AudioClip[];
}

/** A folder with a short and a long file, which is removed after the test. */
function clipsTest(name: string, body: (prepared: Clips) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir({ prefix: "earshot-fingerprint-" });
    await Deno.writeFile(`${folder}/0.wav`, new Uint8Array(100).fill(1));
    await Deno.writeFile(`${folder}/1.wav`, new Uint8Array(100_000).fill(2));
    const clips = [0, 1].map((label) => ({ file: `${folder}/${label}.wav`, label }));
    try {
      await body({ folder, clips });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

function fingerprint(clips: readonly AudioClip[], labels: readonly string[] = LABELS) {
  return clipFingerprint({ split: "train", labels, clips });
}

clipsTest("clipFingerprint() does not depend on where the clips lie", async ({ folder, clips }) => {
  const before = await fingerprint(clips);
  match(before, /^[0-9a-f]{64}$/);
  await Deno.mkdir(`${folder}/moved`);
  for (const { label } of clips) {
    await Deno.copyFile(`${folder}/${label}.wav`, `${folder}/moved/x${label}.wav`);
  }
  const moved = clips.map(({ label }) => ({ file: `${folder}/moved/x${label}.wav`, label }));
  equal(await fingerprint(moved), before);
});

clipsTest("clipFingerprint() is another one for other clips", async ({ clips }) => {
  const before = await fingerprint(clips);
  const others: Record<string, Promise<string>> = {
    "another order": fingerprint([...clips].reverse()),
    "another label": fingerprint([{ ...clips[0]!, label: 1 }, clips[1]!]),
    "another name of a label": fingerprint(clips, ["no", "yep"]),
    "one less": fingerprint(clips.slice(1)),
    targets: fingerprint([{ ...clips[0]!, targets: [0, 1] }, clips[1]!]),
  };
  for (const [what, other] of Object.entries(others)) notEqual(await other, before, what);
});

clipsTest("clipFingerprint() sees what replaces a file of the same size", async ({ clips }) => {
  const before = await fingerprint(clips);
  for (const [clip, at] of [[0, 50], [1, 0], [1, 33_000], [1, 99_999]] as const) {
    const { file } = clips[clip]!;
    const bytes = await Deno.readFile(file);
    const changed = bytes.slice();
    changed[at] = 9;
    await Deno.writeFile(file, changed);
    notEqual(await fingerprint(clips), before, `byte ${at} of clip ${clip}`);
    await Deno.writeFile(file, bytes);
  }
  equal(await fingerprint(clips), before);
});

/** A clip that lies in a file with others. */
function rowOf(file: string, read: () => Promise<Uint8Array>): AudioClip {
  return { file, label: 0, open: async () => openBytes(file, await read()) };
}

Deno.test("clipFingerprint() takes a row of a file by what it holds", async () => {
  const wav = encodeWav(new Float32Array(30_000), 8_000);
  const row = (bytes: Uint8Array, file = "row 1") => [rowOf(file, () => Promise.resolve(bytes))];
  const before = await fingerprint(row(wav));
  equal(await fingerprint(row(wav.slice(), "row 2")), before);
  const changed = wav.slice();
  changed[30_000]! ^= 1;
  notEqual(await fingerprint(row(changed)), before);
});

clipsTest("clipFingerprint() bears missing files and rows", async ({ clips }) => {
  const missing = { ...clips[0]!, file: `${clips[0]!.file}.gone` };
  notEqual(await fingerprint([missing, clips[1]!]), await fingerprint(clips));
  const broken = rowOf("row 1", () => Promise.reject(new FileError("Gone", { file: "a.parquet" })));
  notEqual(await fingerprint([broken, clips[1]!]), await fingerprint(clips));
});

clipsTest("clipFingerprint() reads a row once for it and for its length", async () => {
  let reads = 0;
  const wav = encodeWav(new Float32Array(800), 8_000);
  const clips = [rowOf("row 1", () => Promise.resolve((reads++, wav)))];
  await clipDurations(clips);
  await fingerprint(clips);
  equal(reads, 1);
});
