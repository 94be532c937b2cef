import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { decodeAudio, type DecodedAudio } from "../../src/audio/mod.ts";
import { openFlac } from "../../src/audio/flac.ts";
import type { OpenAudio } from "../../src/audio/_audio_stream.ts";
import { openMp3 } from "../../src/audio/mp3.ts";
import { openOggVorbis } from "../../src/audio/ogg_vorbis.ts";
import { decodeWav } from "../../src/audio/wav.ts";
import { AudioFormatError } from "../../src/errors.ts";
import { assertAllClose } from "../compare.ts";
import { kitPath, kitTest, readTensors } from "../kit.ts";
import { channelsOf } from "./channels.ts";
import { fixture, FIXTURES, LOSSLESS } from "./fixtures.ts";
import { sealOgg } from "./sealed.ts";
import { concat } from "./wav_file.ts";

/** Half a step of the 16 bits in which the expected samples are kept. */
const HALF_STEP = 2 ** -16;

for (const name of FIXTURES) {
  Deno.test(`decodeAudio() equals the reference on ${name}`, async () => {
    const actual = await decodeAudio(await fixture(name), { file: name });
    const expected = decodeWav(await fixture(`${name}.wav`));
    deepEqual([actual.sampleRateHz, actual.warning], [expected.sampleRateHz, undefined]);
    // ffmpeg 5 leaves the padding of a last Vorbis block on; libsndfile and this package cut it.
    const isVorbis = name.endsWith(".ogg");
    const length = isVorbis ? actual.samples.length : expected.samples.length;
    const atol = LOSSLESS.test(name) ? 0 : HALF_STEP + (name.includes("opus") ? 4e-5 : 4e-6);
    assertAllClose(actual.samples, expected.samples.subarray(0, length), { atol, label: name });
  });
}

Deno.test("decodeAudio() gives back as many frames as were encoded", async () => {
  const frames: Record<string, number> = {
    "stereo16.flac": 1_600,
    "mono24.flac": 800,
    "mono.oga": 800,
    "mpeg1.mp3": 6_615,
    "mpeg2.mp3": 4_410,
    "mpeg25.mp3": 2_400,
    "stereo.ogg": 4_410,
    "mono.ogg": 2_400,
    "stereo.opus": 4_800,
    "mono.opus": 4_800,
    // The codes of 4 bits and GSM fill their last block up.
    "ms_adpcm.wav": 2_000,
    "ima_adpcm.wav": 2_020,
    "gsm.wav": 1_600,
    "rf64.wav": 480,
    "mp3.wav": 4_608,
    "s24.aif": 480,
    "sowt.aif": 480,
    "ima4.aifc": 1_600,
    "mulaw.au": 800,
    "s16.w64": 480,
    "s24.caf": 480,
    "alac.caf": 1_600,
    "alac24.m4a": 1_600,
    "s16.mov": 480,
    "opus.webm": 4_800,
    "flac.mka": 800,
    // Their last packet is decoded whole, as ffmpeg has it.
    "stereo.m4a": 5_120,
    "fragments.mp4": 6_144,
    "stereo.aac": 8_192,
    "pulses.aac": 8_192,
    "vorbis.mka": 1_792,
  };
  for (const name of FIXTURES) {
    equal((await decodeAudio(await fixture(name))).samples.length, frames[name], name);
  }
});

Deno.test("decodeAudio() passes over an ID3 tag before MP3 and FLAC, and tags behind MP3", async () => {
  const tag = concat("ID3\x04\0\0\0\0\0\x14", new Uint8Array(20));
  for (const name of ["mpeg1.mp3", "mono24.flac"]) {
    const bytes = await fixture(name);
    const plain = await decodeAudio(bytes);
    deepEqual(await decodeAudio(concat(tag, bytes)), plain, name);
  }
  const mp3 = await fixture("mpeg1.mp3");
  deepEqual(
    await decodeAudio(concat(mp3, "TAG", new Uint8Array(125))),
    await decodeAudio(mp3),
  );
});

Deno.test("decodeAudio() skips bytes between MP3 frames with a warning", async () => {
  const mp3 = await fixture("mpeg25.mp3");
  const { samples, warning } = await decodeAudio(
    concat(mp3.subarray(0, 72 * 4), "junk", mp3.subarray(72 * 4)),
  );
  equal(samples.length, 2_400);
  match(warning!, /^\d+ bytes at byte \d+ are no MP3 frame; they are left out$/);
});

Deno.test("decodeAudio() applies the gain of an Opus header", async () => {
  const file = await fixture("mono.opus");
  const quieter = file.slice();
  const gainAt = 28 + 16; // behind the first page's header
  new DataView(quieter.buffer).setInt16(gainAt, -6 * 256, true);
  const { samples } = await decodeAudio(file);
  const expected = samples.map((sample) => sample * 10 ** (-6 / 20));
  assertAllClose((await decodeAudio(sealOgg(quieter))).samples, expected, { atol: 1e-7 });
});

Deno.test("decodeAudio() leaves out an Ogg stream of another codec behind the first, with a warning", async () => {
  for (const name of FIXTURES.filter((name) => /\.(ogg|oga)$/.test(name))) {
    const first = await fixture(name);
    const second = await fixture("mono.opus");
    const { warning, ...audio } = await decodeAudio(concat(first, second));
    const { warning: _, ...alone } = await decodeAudio(first);
    deepEqual(audio, alone, name);
    match(warning!, /^432 bytes follow the end of the first Ogg stream; they are left out$/);
  }
});

Deno.test("decodeAudio() stops as soon as a file is longer than allowed", async () => {
  for (const name of FIXTURES) {
    await rejects(decodeAudio(await fixture(name), { file: name, maxSeconds: 0.05 }), {
      name: "AudioFormatError",
      message: /expected at most 0\.05 s, found [\d.]+ s( or more)?$/,
      file: name,
    });
  }
});

Deno.test("decodeAudio() finds what is there of a file that is cut off, or says what is wrong", async () => {
  for (const name of FIXTURES) {
    const bytes = await fixture(name);
    const { samples: whole } = await decodeAudio(bytes);
    for (let end = 1; end < bytes.length; end += end < 300 ? 7 : 41) {
      const cut = await outcomeOf(bytes.slice(0, end), name);
      if (cut === undefined) continue;
      ok(cut.samples.length <= whole.length || /opus|webm/.test(name), `${name} at ${end}`);
      const common = Math.min(cut.samples.length, whole.length);
      deepEqual(cut.samples.subarray(0, common), whole.subarray(0, common), `${name} at ${end}`);
      // Between two fragments, nothing tells that more should follow.
      if (name === "fragments.mp4") continue;
      if (common < whole.length) match(cut.warning!, /^Truncated: /, `${name} at ${end}`);
    }
  }
});

async function outcomeOf(bytes: Uint8Array, file: string): Promise<DecodedAudio | undefined> {
  try {
    return await decodeAudio(bytes, { file });
  } catch (error) {
    ok(error instanceof AudioFormatError, `${error}`);
    match(error.message, /^Cannot decode audio "[^"]+": expected [^\n]+[^.]$/);
    return undefined;
  }
}

kitTest(
  "decoders of compressed formats equal libsndfile on the kit, channel by channel",
  async () => {
    const expected = await readTensors(kitPath("decode", "expected.safetensors"));
    const cases: [string, OpenAudio, number][] = [
      ["flac16_mono.flac", openFlac, 0],
      ["flac16_stereo.flac", openFlac, 0],
      ["flac16_lpc.flac", openFlac, 0],
      ["flac24_mono.flac", openFlac, 0],
      ["flac24_stereo.flac", openFlac, 0],
      ["mp3_mono_16k.mp3.soundfile", openMp3, 1e-6],
      ["mp3_stereo_44k_vbr.mp3.soundfile", openMp3, 1e-6],
      ["vorbis_mono_16k.ogg.soundfile", openOggVorbis, 1e-6],
      ["vorbis_stereo_44k.ogg.soundfile", openOggVorbis, 1e-6],
    ];
    for (const [label, open, atol] of cases) {
      const bytes = await Deno.readFile(kitPath("decode", label.replace(".soundfile", "")));
      const channels = channelsOf(open, bytes);
      const frames = channels[0]!.length;
      const values = Float32Array.from(
        { length: frames * channels.length },
        (_, i) => channels[i % channels.length]![Math.floor(i / channels.length)]!,
      );
      const actual = { shape: [frames, channels.length], values };
      assertAllClose(actual, expected.get(label)!, { atol, label });
    }
  },
);

kitTest("decodeAudio() gives for the kit's Opus files what ffmpeg gives", async () => {
  const expected = await readTensors(kitPath("decode", "expected.safetensors"));
  // ffmpeg's own decoder is two samples later than libopus where the encoder chose the speech codec.
  for (
    const [name, shift, leastDb] of [["opus_stereo.ogg", 0, 70], ["opus_mono.opus", 2, 30]] as const
  ) {
    const { samples } = await decodeAudio(await Deno.readFile(kitPath("decode", name)));
    const { shape: [frames, channels], values } = expected.get(`${name}.ffmpeg`)!;
    equal(samples.length, frames);
    let [power, error] = [0, 0];
    for (let i = shift; i < frames!; i++) {
      const parts = values.subarray(i * channels!, (i + 1) * channels!) as Float32Array;
      const wanted = parts.reduce((a, b) => a + b) / channels!;
      power += wanted ** 2;
      error += (wanted - samples[i - shift]!) ** 2;
    }
    ok(10 * Math.log10(power / error) > leastDb, `${name}: ${10 * Math.log10(power / error)} dB`);
  }
});
