/**
 * The boxes of MP4 and QuickTime that say where the sound of a track lies and how it is coded.
 *
 * Follows ISO/IEC 14496-12 and -14, and Apple's "QuickTime File Format".
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { CodecName } from "./_packet_codec.ts";
import type { SampleEncoding } from "./_sample_codec.ts";

/** A box's name and place within bytes. */
export interface Box {
  name: string;
  content: Uint8Array;
}

/** How the sound of a track is written. */
export interface SoundEntry {
  channels: number;
  sampleRateHz: number;
  coding:
    | { codec: CodecName; config: Uint8Array }
    | { encoding: SampleEncoding; bits: number; isBigEndian: boolean }
    | { encoding: "ima4" };
}

const BOX_HEADER_BYTES = 8;

/** The samples' description before its boxes, by version. */
const ENTRY_BYTES = [28, 28 + 16, 28 + 36];

/** Kinds of objects in an elementary stream. */
const AAC_OBJECTS = [0x40, 0x66, 0x67, 0x68];
const MP3_OBJECTS = [0x69, 0x6b];

const PCM: Readonly<Record<string, { encoding: SampleEncoding; bits?: number; little?: boolean }>> =
  {
    "sowt": { encoding: "integer", little: true },
    "twos": { encoding: "integer" },
    "NONE": { encoding: "integer" },
    "raw ": { encoding: "unsigned", bits: 8 },
    "in24": { encoding: "integer", bits: 24 },
    "in32": { encoding: "integer", bits: 32 },
    "fl32": { encoding: "float", bits: 32 },
    "fl64": { encoding: "float", bits: 64 },
    "ulaw": { encoding: "mulaw", bits: 8 },
    "alaw": { encoding: "alaw", bits: 8 },
  };

const LPCM_IS_FLOAT = 1;
const LPCM_IS_BIG = 2;

/** The boxes that follow one another in bytes; one that is cut ends them. */
export function* boxesOf(bytes: Uint8Array, start = 0): Generator<Box> {
  const view = viewOf(bytes);
  for (let at = start; at + BOX_HEADER_BYTES <= bytes.length;) {
    const size = view.getUint32(at);
    const isLarge = size === 1 && at + 16 <= bytes.length;
    const headerBytes = isLarge ? 16 : BOX_HEADER_BYTES;
    const declared = isLarge
      ? view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12)
      : size === 0
      ? bytes.length - at
      : size;
    if (declared < headerBytes) return;
    const end = Math.min(at + declared, bytes.length);
    yield { name: textOf(bytes, at + 4), content: bytes.subarray(at + headerBytes, end) };
    at = end;
  }
}

/** The box of a name, of those within a path of names. */
export function boxAt(bytes: Uint8Array, ...path: string[]): Uint8Array | undefined {
  let content: Uint8Array | undefined = bytes;
  for (const name of path) {
    if (content === undefined) return undefined;
    content = boxesOf(content).find((box) => box.name === name)?.content;
  }
  return content;
}

/** Reads the first description in a `stsd` box. */
export function readSoundEntry(description: Uint8Array, file?: string): SoundEntry {
  const entry = boxesOf(description, 8).next().value;
  if (entry === undefined || entry.content.length < ENTRY_BYTES[0]!) {
    throw audioError("expected a description of sound in MP4, found none", file);
  }
  const { name, content } = entry;
  const view = viewOf(content);
  const version = view.getUint16(8);
  let channels = view.getUint16(16);
  let bits = view.getUint16(18);
  let sampleRateHz = view.getUint32(24) / 2 ** 16;
  let flags = 0;
  const boxesAt = ENTRY_BYTES[version] ?? ENTRY_BYTES[0]!;
  if (version === 2 && content.length >= boxesAt) {
    sampleRateHz = view.getFloat64(32);
    channels = view.getUint32(40);
    bits = view.getUint32(48);
    flags = view.getUint32(52);
  }
  // Within QuickTime, a box around the others holds what belongs to the codec.
  const inner = [...boxesOf(content, boxesAt)];
  const wave = inner.find((box) => box.name === "wave");
  const boxes = wave === undefined ? inner : [...boxesOf(wave.content), ...inner];
  const basic = { channels, sampleRateHz: Math.round(sampleRateHz) };
  return { ...basic, coding: codingOf(name, { boxes, bits, flags }, file) };
}

function codingOf(
  name: string,
  { boxes, bits, flags }: { boxes: Box[]; bits: number; flags: number },
  file?: string,
): SoundEntry["coding"] {
  const contentOf = (box: string) => boxes.find((found) => found.name === box)?.content;
  switch (name) {
    case "mp4a": {
      const stream = contentOf("esds");
      if (stream === undefined) break;
      return elementaryCoding(stream, file);
    }
    case ".mp3":
      return { codec: "MP3", config: new Uint8Array(0) };
    case "alac":
      return { codec: "ALAC", config: (contentOf("alac") ?? new Uint8Array(0)).slice(4) };
    case "Opus":
      return { codec: "Opus", config: opusHeader(contentOf("dOps"), file) };
    case "fLaC":
      return { codec: "FLAC", config: (contentOf("dfLa") ?? new Uint8Array(0)).slice(4) };
    case "ima4":
      return { encoding: "ima4" };
    case "lpcm": {
      const encoding = flags & LPCM_IS_FLOAT ? "float" : "integer";
      return { encoding, bits, isBigEndian: (flags & LPCM_IS_BIG) !== 0 };
    }
  }
  const known = Object.hasOwn(PCM, name) ? PCM[name] : undefined;
  if (known === undefined) {
    const expected = "AAC, ALAC, MP3, Opus, FLAC or PCM in MP4";
    throw audioError(`expected ${expected}, found ${JSON.stringify(name)}`, file);
  }
  const isLittle = known.little ?? isLittleEndian(contentOf("enda"));
  return { encoding: known.encoding, bits: known.bits ?? bits, isBigEndian: !isLittle };
}

function isLittleEndian(box: Uint8Array | undefined): boolean {
  return box !== undefined && box.length >= 2 && box[1] === 1;
}

/** The codec of an elementary stream, from descriptors in descriptors. */
function elementaryCoding(box: Uint8Array, file?: string): SoundEntry["coding"] {
  let object = 0;
  let config = new Uint8Array(0);
  const walk = (bytes: Uint8Array) => {
    for (let at = 0; at + 2 <= bytes.length;) {
      const tag = bytes[at++]!;
      let size = 0;
      for (let more = true; more && at < bytes.length;) {
        more = bytes[at]! > 127;
        size = size * 128 + (bytes[at++]! & 127);
      }
      const content = bytes.subarray(at, at + size);
      at += size;
      if (tag === 3 && content.length >= 3) walk(content.subarray(3 + optionalBytes(content)));
      if (tag === 4 && content.length >= 13) {
        object = content[0]!;
        walk(content.subarray(13));
      }
      if (tag === 5) config = content.slice();
    }
  };
  walk(box.subarray(4));
  if (AAC_OBJECTS.includes(object) && config.length > 0) return { codec: "AAC", config };
  if (MP3_OBJECTS.includes(object)) return { codec: "MP3", config };
  const hex = `0x${object.toString(16).padStart(2, "0")}`;
  throw audioError(`expected AAC or MP3 in MP4, found a stream of kind ${hex}`, file);
}

/** Bytes of fields that a descriptor of a stream may have. */
function optionalBytes(content: Uint8Array): number {
  const flags = content[2]!;
  const address = flags & 0x40 ? 1 + (content[3] ?? 0) : 0;
  return (flags & 0x80 ? 2 : 0) + address + (flags & 0x20 ? 2 : 0);
}

/** The header as Ogg has it, which differs in the order of bytes. */
function opusHeader(box: Uint8Array | undefined, file?: string): Uint8Array {
  if (box === undefined || box.length < 11) {
    throw audioError("expected a header of Opus in MP4, found none", file);
  }
  const header = new Uint8Array(8 + box.length);
  header.set(new TextEncoder().encode("OpusHead"));
  header.set(box, 8);
  header[8] = 1;
  for (const [at, length] of [[10, 2], [12, 4], [16, 2]] as const) {
    header.subarray(at, at + length).reverse();
  }
  return header;
}

/** The bytes of a box as numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
