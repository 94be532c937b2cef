/**
 * Makes the small audio files beside it, with ffmpeg, sox and sndfile-convert, which must be installed.
 *
 *     deno run --allow-run=ffmpeg,sox,sndfile-convert --allow-read=test/golden/audio --allow-write=test/golden/audio \
 *       test/golden/audio/make.ts [NAME...]
 *
 * The sound is a rising tone with clicks, so that encoders use long and short blocks, and another
 * tone with noise in the second channel. `NAME.wav` beside `NAME` is the mean of the channels that ffmpeg
 * decodes (Opus: libopus), in 16 bits where the format is lossy. The codes of 4 bits are decoded by sox,
 * to the bit as libsndfile does, because ffmpeg rounds them in another way.
 *
 * One file is not made here, as no encoder writes pulses: `pulses.aac` is a file that ffmpeg encoded, in whose
 * long blocks the flag for pulses was set and one to four of them, seeded, were put behind it. ffmpeg
 * decodes the result.
 *
 * @module
 */

const HERE = import.meta.dirname!;
const LEFT = "0.3*sin(2*PI*(300+4000*t)*t)+0.3*(random(0)-0.5)*lt(mod(t,0.07),0.004)";
const RIGHT = "0.2*sin(2*PI*555*t)+0.1*(random(1)-0.5)";

/** A fixture: rate, seconds, channels, and how ffmpeg is to encode it. */
const FIXTURES: readonly [
  name: string,
  rateHz: number,
  sec: number,
  channels: 1 | 2,
  how: string,
][] = [
  ["stereo16.flac", 16_000, 0.1, 2, "-c:a flac -sample_fmt s16 -frame_size 512"],
  ["mono24.flac", 8_000, 0.1, 1, "-c:a flac -sample_fmt s32 -bits_per_raw_sample 24"],
  ["mono.oga", 8_000, 0.1, 1, "-c:a flac -sample_fmt s16 -frame_size 256 -f ogg"],
  ["mpeg1.mp3", 44_100, 0.15, 2, "-c:a libmp3lame -b:a 96k -joint_stereo 1"],
  ["mpeg2.mp3", 22_050, 0.2, 2, "-c:a libmp3lame -b:a 40k -joint_stereo 1"],
  ["mpeg25.mp3", 8_000, 0.3, 1, "-c:a libmp3lame -b:a 16k"],
  ["stereo.ogg", 22_050, 0.2, 2, "-c:a libvorbis -q:a 2"],
  ["mono.ogg", 8_000, 0.3, 1, "-c:a libvorbis -q:a 2"],
  ["stereo.opus", 48_000, 0.1, 2, "-c:a libopus -b:a 48k"],
  ["mono.opus", 16_000, 0.1, 1, "-c:a libopus -b:a 16k -application voip"],
  ["ms_adpcm.wav", 16_000, 0.12, 2, "-e ms-adpcm"],
  ["ima_adpcm.wav", 8_000, 0.2, 2, "-e ima-adpcm"],
  ["gsm.wav", 8_000, 0.2, 1, "-e gsm-full-rate"],
  ["rf64.wav", 8_000, 0.06, 2, "-rf64 always"],
  ["mp3.wav", 16_000, 0.2, 1, "-c:a libmp3lame -b:a 24k"],
  ["s24.aif", 8_000, 0.06, 2, "-c:a pcm_s24be"],
  ["sowt.aif", 8_000, 0.06, 1, "-c:a pcm_s16le"],
  ["ima4.aifc", 8_000, 0.2, 1, "-ima-adpcm"],
  ["mulaw.au", 8_000, 0.1, 2, "-c:a pcm_mulaw"],
  ["s16.w64", 8_000, 0.06, 2, "-c:a pcm_s16le"],
  ["s24.caf", 8_000, 0.06, 2, "-c:a pcm_s24le"],
  ["alac.caf", 16_000, 0.1, 2, "-c:a alac -sample_fmt s16p"],
  ["alac24.m4a", 16_000, 0.1, 1, "-c:a alac -sample_fmt s32p"],
  ["s16.mov", 8_000, 0.06, 2, "-c:a pcm_s16be"],
  ["stereo.m4a", 16_000, 0.3, 2, "-c:a aac -b:a 40k -movflags +faststart"],
  [
    "fragments.mp4",
    22_050,
    0.2,
    1,
    "-c:a aac -b:a 24k -movflags empty_moov+default_base_moof+frag_every_frame",
  ],
  ["stereo.aac", 44_100, 0.15, 2, "-c:a aac -b:a 48k"],
  ["opus.webm", 48_000, 0.1, 1, "-c:a libopus -b:a 24k"],
  ["vorbis.mka", 8_000, 0.2, 2, "-c:a libvorbis -q:a 1"],
  ["flac.mka", 8_000, 0.1, 1, "-c:a flac -sample_fmt s16"],
];

/** Those that sox encodes and decodes. */
const SOX = /adpcm|gsm/;

/** Those that libsndfile encodes and decodes. */
const SNDFILE = /ima4/;

const LOSSLESS = /\.(flac|oga|aifc?|au|w64|caf|mov)$|adpcm|gsm|rf64|alac|flac/;

async function run(tool: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(tool, { args, stdout: "inherit" }).output();
  if (!success) throw new Error(`${tool} failed: ${args.join(" ")}`);
}

async function ffmpeg(args: string[]): Promise<void> {
  await run("ffmpeg", ["-v", "error", "-y", "-bitexact", ...args]);
}

for (const [name, rateHz, sec, channels, how] of FIXTURES) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  const signal = channels === 1 ? LEFT : `${LEFT}|${RIGHT}`;
  const source = `aevalsrc='${signal}':s=${rateHz}:d=${sec}`;
  const file = `${HERE}/${name}`;
  if (SOX.test(name)) {
    await ffmpeg(["-f", "lavfi", "-i", source, `${file}.wav`]);
    await run("sox", ["-D", `${file}.wav`, ...how.split(" "), file]);
    await run("sox", [file, "-e", "signed", "-b", "16", `${file}.wav`]);
    continue;
  }
  if (SNDFILE.test(name)) {
    await ffmpeg(["-f", "lavfi", "-i", source, `${file}.wav`]);
    await run("sndfile-convert", [...how.split(" "), `${file}.wav`, file]);
    await run("sndfile-convert", ["-pcm16", file, `${file}.wav`]);
    continue;
  }
  const common = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"];
  await ffmpeg(["-f", "lavfi", "-i", source, ...common, ...how.split(" "), file]);
  const decoder = name.includes("opus") ? ["-c:a", "libopus"] : [];
  if (name.endsWith(".flac")) await dropPadding(file);
  const format = name.includes("24") ? "pcm_s24le" : "pcm_s16le";
  const mean = channels === 2 && !LOSSLESS.test(name) ? ["-af", "pan=mono|c0=0.5*c0+0.5*c1"] : [];
  await ffmpeg([...decoder, "-i", file, ...mean, "-c:a", format, `${file}.wav`]);
}

/** Leaves out what ffmpeg puts between the header of a FLAC file and its frames: 8 KB of zeros. */
async function dropPadding(file: string): Promise<void> {
  const bytes = await Deno.readFile(file);
  const headerEnd = 4 + 4 + 34;
  let at = 4;
  for (let isLast = false; !isLast;) {
    isLast = bytes[at]! >> 7 === 1;
    at += 4 + (bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!);
  }
  const header = bytes.slice(0, headerEnd);
  header[4]! |= 0x80;
  await Deno.writeFile(file, Uint8Array.of(...header, ...bytes.subarray(at)));
}
