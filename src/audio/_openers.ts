/**
 * Which decoder reads which format, under the name that `sniff` gives it.
 *
 * @module
 */

import type { OpenAudio } from "./_audio_stream.ts";
import { openWav } from "./wav.ts";

/** How each format's headers are read; what that takes is loaded with the first such file. */
export const OPENERS: Readonly<Record<string, () => OpenAudio | Promise<OpenAudio>>> = {
  "WAV": () => openWav,
  "FLAC": async () => (await import("./flac.ts")).openFlac,
  "MP3": async () => (await import("./mp3.ts")).openMp3,
  "Ogg FLAC": async () => (await import("./flac.ts")).openOggFlac,
  "Ogg Opus": async () => (await import("./ogg_opus.ts")).openOggOpus,
  "Ogg Vorbis": async () => (await import("./ogg_vorbis.ts")).openOggVorbis,
};
