/**
 * The elements of Matroska that matter for sound: numbers of variable length, tracks, and blocks with
 * the ways in which several packets share one.
 *
 * Follows RFC 8794 (EBML) and RFC 9559.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";

/** An element's name and how much it holds; no size where the writer did not know. */
export interface Element {
  id: number;
  headerBytes: number;
  size?: number;
}

/** A track as its entry describes it. */
export interface Track {
  number: number;
  isAudio: boolean;
  codec: string;
  /** The codec's configuration. */
  config: Uint8Array;
  channels: number;
  sampleRateHz: number;
  bits: number;
  /** Time at the start that belongs to the codec, in nanoseconds. */
  delayNs: number;
  /** Bytes that every packet begins with and that are left out of the file. */
  prefix: Uint8Array;
}

/** A packet, and the time to leave out at the end of what it decodes to. */
export interface BlockPacket {
  bytes: Uint8Array;
  discardNs: number;
}

/** The names of elements. */
export const ID = {
  segment: 0x18538067,
  info: 0x1549a966,
  tickNs: 0x2ad7b1,
  ticks: 0x4489,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  codec: 0x86,
  config: 0x63a2,
  delay: 0x56aa,
  audio: 0xe1,
  sampleRate: 0xb5,
  channels: 0x9f,
  bits: 0x6264,
  encodings: 0x6d80,
  encoding: 0x6240,
  compression: 0x5034,
  algorithm: 0x4254,
  settings: 0x4255,
  encryption: 0x5035,
  cluster: 0x1f43b675,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discard: 0x75a2,
} as const;

const AUDIO_TRACK = 2;
const DEFAULT_RATE_HZ = 8_000;

/** The compression that leaves out the first bytes of every packet. */
const HEADER_STRIPPING = 3;

/** Reads the name and the size at the start of bytes, or undefined where they are none. */
export function readElementHeader(bytes: Uint8Array): Element | undefined {
  const idBytes = lengthOf(bytes[0]);
  if (idBytes > 4 || idBytes >= bytes.length) return undefined;
  const sizeBytes = lengthOf(bytes[idBytes]);
  const headerBytes = idBytes + sizeBytes;
  if (sizeBytes > 8 || headerBytes > bytes.length) return undefined;
  const id = unsignedOf(bytes.subarray(0, idBytes));
  const size = numberOf(bytes, idBytes, sizeBytes);
  const isUnknown = size === 2 ** (7 * sizeBytes) - 1;
  return { id, headerBytes, size: isUnknown ? undefined : size };
}

/** Bytes of a number of variable length, given by the zeros it begins with; 9 and more for none. */
function lengthOf(first = 0): number {
  return Math.clz32(first) - 23;
}

/** A number of variable length without the bit that tells its length. */
function numberOf(bytes: Uint8Array, at: number, length: number): number {
  const first = bytes[at]! & (1 << 8 - length) - 1;
  return first * 256 ** (length - 1) + unsignedOf(bytes.subarray(at + 1, at + length));
}

/** A whole number of 0 or more, the highest byte first. */
export function unsignedOf(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

/** The elements inside one that is read whole. */
function* childrenOf(content: Uint8Array): Generator<{ id: number; content: Uint8Array }> {
  for (let at = 0; at < content.length;) {
    const element = readElementHeader(content.subarray(at));
    if (element === undefined) return;
    const start = at + element.headerBytes;
    at = start + (element.size ?? content.length - start);
    yield { id: element.id, content: content.subarray(start, at) };
  }
}

/** Reads the entry of a track. */
export function readTrack(content: Uint8Array, file?: string): Track {
  const track: Track = {
    number: 0,
    isAudio: false,
    codec: "",
    config: new Uint8Array(0),
    channels: 1,
    sampleRateHz: DEFAULT_RATE_HZ,
    bits: 0,
    delayNs: 0,
    prefix: new Uint8Array(0),
  };
  for (const { id, content: field } of childrenOf(content)) {
    if (id === ID.trackNumber) track.number = unsignedOf(field);
    if (id === ID.trackType) track.isAudio = unsignedOf(field) === AUDIO_TRACK;
    if (id === ID.codec) {
      track.codec = String.fromCharCode(...field.subarray(0, 64)).replace(/\0+$/, "");
    }
    if (id === ID.config) track.config = field.slice();
    if (id === ID.delay) track.delayNs = unsignedOf(field);
    if (id === ID.audio) readAudio(field, track);
    if (id === ID.encodings) track.prefix = readEncodings(field, file);
  }
  return track;
}

function readAudio(content: Uint8Array, track: Track): void {
  for (const { id, content: field } of childrenOf(content)) {
    if (id === ID.channels) track.channels = unsignedOf(field);
    if (id === ID.bits) track.bits = unsignedOf(field);
    if (id !== ID.sampleRate) continue;
    const view = new DataView(field.buffer, field.byteOffset, field.byteLength);
    if (field.length === 4) track.sampleRateHz = Math.round(view.getFloat32(0));
    if (field.length === 8) track.sampleRateHz = Math.round(view.getFloat64(0));
  }
}

/** What is left out of every packet; other ways to make packets smaller are refused. */
function readEncodings(content: Uint8Array, file?: string): Uint8Array {
  let prefix = new Uint8Array(0);
  for (const { id, content: encoding } of childrenOf(content)) {
    if (id !== ID.encoding) continue;
    for (const part of childrenOf(encoding)) {
      if (part.id === ID.encryption) {
        throw audioError("expected plain sound, found it encrypted", file);
      }
      if (part.id !== ID.compression) continue;
      const fields = new Map(
        [...childrenOf(part.content)].map((field) => [field.id, field.content]),
      );
      const algorithm = unsignedOf(fields.get(ID.algorithm) ?? new Uint8Array(0));
      if (algorithm !== HEADER_STRIPPING) {
        throw audioError(`expected packets as they are, found compression ${algorithm}`, file);
      }
      prefix = (fields.get(ID.settings) ?? prefix).slice();
    }
  }
  return prefix;
}

/** The packets of a block, or of a group around one, that belong to a track. */
export function blockPackets(id: number, content: Uint8Array, track: Track): BlockPacket[] {
  let block: Uint8Array | undefined = content;
  let discardNs = 0;
  if (id === ID.blockGroup) {
    block = undefined;
    for (const child of childrenOf(content)) {
      if (child.id === ID.block) block ??= child.content;
      if (child.id === ID.discard) discardNs = unsignedOf(child.content);
    }
  }
  const packets = block === undefined ? [] : packetsOf(block, track.number);
  return packets.map((packet, i) => ({
    bytes: withPrefix(track.prefix, packet),
    discardNs: i === packets.length - 1 ? discardNs : 0,
  }));
}

function withPrefix(prefix: Uint8Array, packet: Uint8Array): Uint8Array {
  if (prefix.length === 0) return packet;
  const whole = new Uint8Array(prefix.length + packet.length);
  whole.set(prefix);
  whole.set(packet, prefix.length);
  return whole;
}

/** The packets of a block: the track's number, two bytes of time, flags, and how they are laced. */
function packetsOf(block: Uint8Array, trackNumber: number): Uint8Array[] {
  const numberBytes = lengthOf(block[0]);
  const start = numberBytes + 3;
  if (numberBytes > 8 || start > block.length) return [];
  if (numberOf(block, 0, numberBytes) !== trackNumber) return [];
  const lacing = block[start - 1]! >> 1 & 3;
  if (lacing === 0) return [block.subarray(start)];
  const count = (block[start] ?? 0) + 1;
  const sizes = lacing === 1
    ? readXiphSizes(block, start + 1, count)
    : lacing === 3
    ? readEbmlSizes(block, start + 1, count)
    : { sizes: undefined, at: start + 1 };
  if (sizes === undefined) return [];
  const { at } = sizes;
  const equal = Math.floor((block.length - at) / count);
  const packets: Uint8Array[] = [];
  let from = at;
  for (let i = 0; i < count; i++) {
    const isLast = i === count - 1;
    const size = sizes.sizes?.[i] ?? equal;
    const to = isLast && sizes.sizes !== undefined ? block.length : from + size;
    if (to > block.length) return packets;
    packets.push(block.subarray(from, to));
    from = to;
  }
  return packets;
}

/** Sizes as sums of bytes, of which 255 says that more follows; the last packet's is not stated. */
function readXiphSizes(block: Uint8Array, start: number, count: number) {
  const sizes: number[] = [];
  let at = start;
  while (sizes.length < count - 1) {
    let size = 0;
    let byte = 255;
    while (byte === 255) {
      if (at >= block.length) return undefined;
      byte = block[at++]!;
      size += byte;
    }
    sizes.push(size);
  }
  return { sizes, at };
}

/** The first size, then differences; the last packet's is not stated. */
function readEbmlSizes(block: Uint8Array, start: number, count: number) {
  const sizes: number[] = [];
  let at = start;
  while (sizes.length < count - 1) {
    const length = lengthOf(block[at]);
    if (length > 8 || at + length > block.length) return undefined;
    const value = numberOf(block, at, length);
    const size = sizes.length === 0 ? value : sizes.at(-1)! + value - (2 ** (7 * length - 1) - 1);
    if (size < 0) return undefined;
    sizes.push(size);
    at += length;
  }
  return { sizes, at };
}
