/**
 * Tells what a file holds by its first bytes; its name is never asked.
 *
 * Besides the audio formats it knows what most often lies under an audio file's name: an error page
 * of a server, a pointer of Git LFS, an archive, a picture.
 *
 * @module
 */

import { id3Bytes } from "./_id3.ts";
import { findMp3Frame, readMp3Header } from "./_mp3_header.ts";

/** What the first bytes of a file say. */
export interface ContentKind {
  /** The format's name as a reader would say it, `WAV` or `a PNG image`. */
  name: string;
  /** True for audio, also where no decoder here reads it. */
  isAudio: boolean;
}

type Rule = [name: string, matches: (head: string) => boolean];

/** Enough for the first Ogg page's header and its codec's name. */
const HEAD_BYTES = 512;

/** How far into a file MP3 is looked for, and how many frames in a row prove it. */
const MAX_JUNK_BYTES = 2 ** 16;
const FRAMES_TO_BELIEVE = 3;

const ZEROS = "zero bytes only";

const AUDIO: readonly Rule[] = [
  ["WAV", (head) => /^(RIF[FX]|RF64|BW64)/.test(head) && (head.length < 12 || at(head, 8, "WAVE"))],
  ["FLAC", (head) => at(head, 0, "fLaC")],
  ["Ogg Opus", (head) => at(head, 0, "OggS") && head.includes("OpusHead")],
  ["Ogg Vorbis", (head) => at(head, 0, "OggS") && head.includes("\x01vorbis")],
  ["Ogg FLAC", (head) => at(head, 0, "OggS") && head.includes("\x7fFLAC")],
  ["Ogg Speex", (head) => at(head, 0, "OggS") && head.includes("Speex   ")],
  ["Ogg", (head) => at(head, 0, "OggS")],
  ["M4A or MP4", (head) => /^[^]{4}(ftyp|moov|mdat|wide)/.test(head)],
  ["WebM or Matroska", (head) => at(head, 0, "\x1a\x45\xdf\xa3")],
  ["W64", (head) => at(head, 0, "riff\x2e\x91\xcf\x11")],
  ["AIFF", (head) => /^FORM[^]{4}AIF[FC]/.test(head)],
  ["AU", (head) => at(head, 0, ".snd")],
  ["CAF", (head) => at(head, 0, "caff")],
  ["AMR", (head) => at(head, 0, "#!AMR")],
  ["NIST SPHERE", (head) => at(head, 0, "NIST_1A")],
  ["WavPack", (head) => at(head, 0, "wvpk")],
  ["Monkey's Audio", (head) => at(head, 0, "MAC ")],
  ["Windows Media Audio", (head) => at(head, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11")],
  ["AAC in an ADIF file", (head) => at(head, 0, "ADIF")],
  ["MP3", (head) => at(head, 0, "ID3") || isMp3Sync(head)],
  ["AAC", isAdtsSync],
];

const OTHER: readonly Rule[] = [
  ["an AVI video", (head) => at(head, 0, "RIFF") && at(head, 8, "AVI ")],
  ["a WebP image", (head) => at(head, 0, "RIFF") && at(head, 8, "WEBP")],
  ["a PNG image", (head) => at(head, 0, "\x89PNG")],
  ["a JPEG image", (head) => at(head, 0, "\xff\xd8\xff")],
  ["a GIF image", (head) => at(head, 0, "GIF8")],
  ["a PDF document", (head) => at(head, 0, "%PDF")],
  ["a ZIP archive", (head) => at(head, 0, "PK\x03\x04")],
  ["a gzip archive", (head) => at(head, 0, "\x1f\x8b")],
  ["a Parquet table", (head) => at(head, 0, "PAR1")],
  ["a Git LFS pointer", (head) => at(head, 0, "version https://git-lfs")],
  ["an HTML page", (head) => /^(\xef\xbb\xbf)?\s*<(!doctype html|html)/i.test(head)],
  ["an XML document", (head) => /^(\xef\xbb\xbf)?\s*<\?xml/.test(head)],
  ["JSON", (head) => /^(\xef\xbb\xbf)?\s*[{[]\s*["[{\]}]/.test(head)],
  ["plain text", (head) => /^[\t\n\r\x20-\x7e]{4,}$/.test(head)],
  [ZEROS, (head) => /^\0{4,}$/.test(head)],
];

/**
 * Names the format of a file from its first bytes.
 *
 * @param bytes the file, or at least its first 512 bytes; MP3 behind bytes of another kind is found
 * within the first 64 KB.
 * @returns the format, or `undefined` where nothing known begins so.
 *
 * @example
 * ```ts
 * import { sniff } from "@earshot/earshot/audio";
 * import { deepEqual } from "node:assert/strict";
 *
 * const bytes = new TextEncoder().encode("fLaC\0\0\0\x22");
 * deepEqual(sniff(bytes), { name: "FLAC", isAudio: true });
 * ```
 */
export function sniff(bytes: Uint8Array): ContentKind | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  const afterTag = String.fromCharCode(...bytes.subarray(id3Bytes(bytes)).subarray(0, 4));
  if (afterTag === "fLaC") return { name: "FLAC", isAudio: true };
  if (isAdtsSync(afterTag)) return { name: "AAC", isAudio: true };
  const find = (rules: readonly Rule[]) => rules.find(([_, matches]) => matches(head))?.[0];
  const audio = find(AUDIO);
  if (audio !== undefined) return { name: audio, isAudio: true };
  const other = find(OTHER);
  if ((other === undefined || other === ZEROS) && hasMp3Frames(bytes)) {
    return { name: "MP3", isAudio: true };
  }
  return other === undefined ? undefined : { name: other, isAudio: false };
}

/** True where MP3 begins behind bytes that are of no known format: three frames in a row. */
function hasMp3Frames(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, MAX_JUNK_BYTES);
  for (let at = findMp3Frame(head, 0); at >= 0; at = findMp3Frame(head, at + 1)) {
    let next = at;
    let frames = 0;
    for (; frames < FRAMES_TO_BELIEVE; frames++) {
      const header = readMp3Header(head, next);
      if (header === undefined) break;
      next += header.frameBytes;
    }
    if (frames === FRAMES_TO_BELIEVE) return true;
  }
  return false;
}

function at(head: string, start: number, magic: string): boolean {
  return head.startsWith(magic, start);
}

/** True for the 11 set bits that begin a frame of MP3, with a version, bit rate and rate in use. */
function isMp3Sync(head: string): boolean {
  const [first, second, third] = [0, 1, 2].map((i) => head.charCodeAt(i));
  if (first !== 0xff || second! >> 5 !== 7) return false;
  const [version, layer] = [second! >> 3 & 3, second! >> 1 & 3];
  return version !== 1 && layer === 1 && third! >> 4 !== 15 && (third! >> 2 & 3) !== 3;
}

/** True for the 12 set bits that begin a frame of ADTS, with a rate in use. */
function isAdtsSync(head: string): boolean {
  const [first, second, third] = [0, 1, 2].map((i) => head.charCodeAt(i));
  return first === 0xff && (second! & 0xf6) === 0xf0 && (third! >> 2 & 15) < 13;
}
