import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/decode.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { kitPath, kitTest, readJson } from "../kit.ts";
import { concat, u16, wavFile } from "./wav_file.ts";

Deno.test("decodeAudio() reads WAV by content, whatever its name", () => {
  const audio = decodeAudio(wavFile({}, u16(16384)), { file: "clip.mp3" });
  deepEqual([...audio.samples], [0.5]);
});

Deno.test("decodeAudio() names a format that it does not read, and says how to convert", () => {
  throws(() => decodeAudio(concat("fLaC", u16(0, 0)), { file: "a.flac" }), {
    name: "AudioFormatError",
    message: `Cannot decode audio "a.flac": expected WAV, found FLAC`,
    file: "a.flac",
    hint: /ffmpeg/,
  });
});

Deno.test("decodeAudio() names what is no audio at all", () => {
  throws(() => decodeAudio(new Uint8Array()), { message: /found an empty file$/ });
  throws(() => decodeAudio(concat("<html><body>404")), { message: /found an HTML page$/ });
  throws(() => decodeAudio(concat("version https://git-lfs.github.com/spec/v1\n")), {
    message: /found a Git LFS pointer$/,
    hint: /git lfs pull/,
  });
  throws(() => decodeAudio(Uint8Array.of(7, 0, 255)), {
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
      const outcome = outcomeOf(bytes, name);
      if (must !== "error or accept") equal(outcome.kind, must, `${why}: ${outcome.detail}`);
      const frames = /(\d+) (?:whole )?frames/.exec(why)?.[1];
      if (outcome.kind === "accept" && frames) equal(outcome.detail, frames);
    });
  }
});

function outcomeOf(bytes: Uint8Array, file: string): { kind: string; detail: string } {
  try {
    return { kind: "accept", detail: `${decodeAudio(bytes, { file }).samples.length}` };
  } catch (error) {
    ok(error instanceof AudioFormatError, String(error));
    match(error.message, /^Cannot decode audio "[^"]+": expected .+[^.]$/);
    return { kind: "error", detail: error.message };
  }
}

kitTest("decodeAudio() names the codec of every other file of the kit", async () => {
  const names: Record<string, RegExp> = {
    "flac16_mono.flac": /found FLAC$/,
    "mp3_mono_16k.mp3": /found MP3$/,
    "mp3_stereo_44k_vbr.mp3": /found MP3$/,
    "vorbis_mono_16k.ogg": /found Ogg Vorbis$/,
    "opus_mono.opus": /found Ogg Opus$/,
    "opus_stereo.ogg": /found Ogg Opus$/,
    "opus_mono.webm": /found WebM or Matroska$/,
    "aac_mono_16k.m4a": /found M4A or MP4$/,
    "bad/png.wav": /found a PNG image$/,
    "bad/text.wav": /found an HTML page$/,
  };
  for (const [name, message] of Object.entries(names)) {
    const bytes = await Deno.readFile(kitPath("decode", ...name.split("/")));
    throws(() => decodeAudio(bytes), { message });
  }
});
