import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/decode.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { concat, u16, wavFile } from "./wav_file.ts";

Deno.test("decodeAudio() reads WAV by content, whatever its name", async () => {
  const audio = await decodeAudio(wavFile({}, u16(16384)), { file: "clip.mp3" });
  deepEqual([...audio.samples], [0.5]);
});

Deno.test("decodeAudio() names a format that it does not read, and says how to convert", async () => {
  await rejects(decodeAudio(concat("#!AMR\n"), { file: "a.wav" }), {
    name: "AudioFormatError",
    message: /^Cannot decode audio "a.wav": expected WAV, FLAC, .* or Ogg Vorbis, found AMR$/,
    file: "a.wav",
    hint: /ffmpeg/,
  });
});

Deno.test("decodeAudio() names what is no audio at all", async () => {
  await rejects(decodeAudio(new Uint8Array()), { message: /found an empty file$/ });
  await rejects(decodeAudio(concat("<html><body>404")), { message: /found an HTML page$/ });
  await rejects(decodeAudio(concat("version https://git-lfs.github.com/spec/v1\n")), {
    message: /found a Git LFS pointer$/,
    hint: /git lfs pull/,
  });
  await rejects(decodeAudio(Uint8Array.of(7, 0, 255)), {
    message: "Cannot decode audio: expected audio, found an unknown format (it begins 07 00 ff)",
  });
});

interface BadFile {
  must: "error" | "accept" | "error or accept";
  why: string;
}

kitTest("decodeAudio() treats every malformed file of the kit as it must", async (t) => {
  const rows = await readJson<Record<string, BadFile>>(kitPath("decode", "bad", "expected.json"));
  equal(Object.keys(rows).length, 33);
  for (const [name, { must, why }] of Object.entries(rows)) {
    await t.step(`${name}: ${must}`, async () => {
      const bytes = await Deno.readFile(kitPath("decode", "bad", name));
      const outcome = await outcomeOf(bytes, name);
      if (must !== "error or accept") equal(outcome.kind, must, `${why}: ${outcome.detail}`);
      const frames = /(\d+) (?:whole )?frames/.exec(why)?.[1];
      if (outcome.kind === "accept" && frames) equal(outcome.detail, frames);
    });
  }
});

async function outcomeOf(
  bytes: Uint8Array,
  file: string,
): Promise<{ kind: string; detail: string }> {
  try {
    return { kind: "accept", detail: `${(await decodeAudio(bytes, { file })).samples.length}` };
  } catch (error) {
    ok(error instanceof AudioFormatError, String(error));
    match(error.message, /^Cannot decode audio "[^"]+": expected .+[^.]$/);
    return { kind: "error", detail: error.message };
  }
}

kitTest("decodeAudio() names what the other files of the kit are", async () => {
  for (const [name, message] of [["png", /a PNG image$/], ["text", /an HTML page$/]] as const) {
    const bytes = await Deno.readFile(kitPath("decode", "bad", `${name}.wav`));
    await rejects(decodeAudio(bytes), { message });
  }
});
