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
  "AIFF": async () => (await import("./aiff.ts")).openAiff,
  "AU": async () => (await import("./au.ts")).openAu,
  "W64": async () => (await import("./w64.ts")).openW64,
  "CAF": async () => (await import("./caf.ts")).openCaf,
  "WebM or Matroska": async () => (await import("./matroska.ts")).openMatroska,
  "M4A or MP4": async () => (await import("./mp4.ts")).openMp4,
  "AAC": async () => (await import("./adts.ts")).openAdts,
  "Ogg Vorbis": async () => (await import("./ogg_vorbis.ts")).openOggVorbis,
};
