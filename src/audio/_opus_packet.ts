/**
 * What an Opus packet is made of, and how it is cut into packets of one frame each.
 *
 * Asked before the decoder, which has room for 3,840 bytes a channel and prints what is wrong with a
 * packet: one of 120 ms may have 7,652. Follows RFC 6716, section 3 and appendix B.
 *
 * @module
 */

/** Frames a millisecond: Opus always decodes to 48 kHz. */
const FRAMES_A_MS = 48;

/** The longest packet, in frames: 120 ms. */
const MAX_PACKET_FRAMES = 120 * FRAMES_A_MS;

/** Most bytes of one frame within a packet. */
const MAX_FRAME_BYTES = 1275;

/** Milliseconds of a frame by configuration: four each of speech, two of both, four of music. */
const SPEECH_MS = [10, 20, 40, 60];
const HYBRID_MS = [10, 20];
const MUSIC_MS = [2.5, 5, 10, 20];

/** A first byte without the code that says how many frames there are. */
const CONFIGURATION = 0xfc;

/** One stream of a packet. */
export interface OpusPacket {
  /** Configuration and channels, as in the first byte of a packet with one frame. */
  toc: number;
  /** The coded frames. */
  pieces: Uint8Array[];
  /** What they decode to, in frames at 48 kHz. */
  frames: number;
  /** Where the packet ends. */
  end: number;
}

/**
 * Cuts a packet into packets of one frame, or returns undefined where it breaks the rules.
 *
 * The streams of a surround recording that are framed unlike each other stay in one packet.
 */
export function splitOpusPacket(packet: Uint8Array, streams: number): Uint8Array[] | undefined {
  const parts: OpusPacket[] = [];
  let at = 0;
  for (let i = 0; i < streams; i++) {
    const part = readOpusPacket(packet.subarray(at), i < streams - 1);
    if (part === undefined) return undefined;
    parts.push(part);
    at += part.end;
  }
  const { frames, pieces } = parts[0]!;
  if (parts.some((part) => part.frames !== frames)) return undefined;
  if (parts.some((part) => part.pieces.length !== pieces.length)) return [packet];
  return pieces.map((_, frame) => withOneFrame(parts, frame));
}

/** Reads a packet, or one that states its own size because another stream follows. */
export function readOpusPacket(bytes: Uint8Array, isDelimited = false): OpusPacket | undefined {
  const sizes = readSizes(bytes, isDelimited);
  if (sizes === undefined) return undefined;
  const toc = bytes[0]! & CONFIGURATION;
  const pieces: Uint8Array[] = [];
  let { at } = sizes;
  for (const size of sizes.sizes) {
    if (size > MAX_FRAME_BYTES || at + size > bytes.length) return undefined;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  const frames = pieces.length * frameMs(toc) * FRAMES_A_MS;
  const end = at + sizes.padding;
  const fills = isDelimited ? end <= bytes.length : end === bytes.length;
  return frames <= MAX_PACKET_FRAMES && fills ? { toc, pieces, frames, end } : undefined;
}

function frameMs(toc: number): number {
  const config = toc >> 3;
  return config < 12
    ? SPEECH_MS[config & 3]!
    : config < 16
    ? HYBRID_MS[config & 1]!
    : MUSIC_MS[config & 3]!;
}

interface FrameSizes {
  sizes: number[];
  /** The first frame's place. */
  at: number;
  /** Bytes behind the last frame. */
  padding: number;
}

/** The sizes of a packet's frames, those that are not stated from what is left. */
function readSizes(bytes: Uint8Array, isDelimited: boolean): FrameSizes | undefined {
  if (bytes.length === 0) return undefined;
  const code = bytes[0]! & 3;
  const head = code === 3 ? readManyHead(bytes) : {
    count: code === 0 ? 1 : 2,
    areUnlike: code === 2,
    padding: 0,
    at: 1,
  };
  if (head === undefined) return undefined;
  const { count, areUnlike, padding } = head;
  const sizes: number[] = [];
  let { at } = head;
  const stated = (areUnlike ? count - 1 : 0) + (isDelimited ? 1 : 0);
  for (let i = 0; i < stated; i++) {
    const size = readSize(bytes, at);
    if (size === undefined) return undefined;
    sizes.push(size.bytes);
    at = size.end;
  }
  if (isDelimited) {
    if (!areUnlike) { while (sizes.length < count) sizes.push(sizes[0]!); }
    return { sizes, at, padding };
  }
  const rest = bytes.length - padding - at - sizes.reduce((sum, size) => sum + size, 0);
  const last = areUnlike ? rest : rest / count;
  if (last < 0 || !Number.isInteger(last)) return undefined;
  while (sizes.length < count) sizes.push(last);
  return { sizes, at, padding };
}

/** A packet that states its number of frames, with padding and their sizes where they differ. */
function readManyHead(bytes: Uint8Array) {
  if (bytes.length < 2) return undefined;
  const count = bytes[1]! & 63;
  let at = 2;
  let padding = 0;
  for (let more = (bytes[1]! >> 6 & 1) === 1; more; at++) {
    if (at >= bytes.length) return undefined;
    more = bytes[at] === 255;
    padding += more ? 254 : bytes[at]!;
  }
  return count === 0 ? undefined : { count, areUnlike: bytes[1]! >> 7 === 1, padding, at };
}

/** A frame's size in one or two bytes, and where they end. */
function readSize(packet: Uint8Array, at: number): { bytes: number; end: number } | undefined {
  if (at >= packet.length) return undefined;
  const first = packet[at]!;
  if (first < 252) return { bytes: first, end: at + 1 };
  if (at + 1 >= packet.length) return undefined;
  return { bytes: packet[at + 1]! * 4 + first, end: at + 2 };
}

/** The packet of one frame of every stream. */
function withOneFrame(parts: readonly OpusPacket[], frame: number): Uint8Array {
  const bytes: number[] = [];
  for (const [i, { toc, pieces }] of parts.entries()) {
    const piece = pieces[frame]!;
    bytes.push(toc);
    if (i < parts.length - 1) bytes.push(...sizeBytes(piece.length));
    for (const byte of piece) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function sizeBytes(size: number): number[] {
  if (size < 252) return [size];
  const first = 252 + size % 4;
  return [first, (size - first) / 4];
}
