/**
 * How long an Opus packet is, from its first bytes, and whether it is well formed.
 *
 * Asked before the decoder, which would grow its output and print what is wrong with a packet.
 * Follows RFC 6716, section 3.
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

/** The frames at 48 kHz that a packet decodes to, or undefined where it breaks the rules. */
export function opusPacketFrames(packet: Uint8Array): number | undefined {
  const config = packet.length === 0 ? 0 : packet[0]! >> 3;
  const count = frameCount(packet);
  if (count === undefined) return undefined;
  const ms = config < 12
    ? SPEECH_MS[config & 3]!
    : config < 16
    ? HYBRID_MS[config & 1]!
    : MUSIC_MS[config & 3]!;
  const frames = count * ms * FRAMES_A_MS;
  return frames <= MAX_PACKET_FRAMES ? frames : undefined;
}

/** The number of frames that a packet holds, where their sizes fill it as they must. */
function frameCount(packet: Uint8Array): number | undefined {
  if (packet.length === 0) return undefined;
  const rest = packet.length - 1;
  switch (packet[0]! & 3) {
    case 0:
      return rest <= MAX_FRAME_BYTES ? 1 : undefined;
    case 1:
      return rest % 2 === 0 && rest / 2 <= MAX_FRAME_BYTES ? 2 : undefined;
    case 2: {
      const size = readSize(packet, 1);
      if (size === undefined) return undefined;
      const second = packet.length - size.end - size.bytes;
      return second >= 0 && second <= MAX_FRAME_BYTES ? 2 : undefined;
    }
    default:
      return manyFrames(packet);
  }
}

/** A packet that states its number of frames, with padding and their sizes where they differ. */
function manyFrames(packet: Uint8Array): number | undefined {
  if (packet.length < 2) return undefined;
  const count = packet[1]! & 63;
  const hasSizes = packet[1]! >> 7 === 1;
  let at = 2;
  let padding = 0;
  for (let more = (packet[1]! >> 6 & 1) === 1; more; at++) {
    if (at >= packet.length) return undefined;
    more = packet[at] === 255;
    padding += more ? 254 : packet[at]!;
  }
  const end = packet.length - padding;
  if (count === 0 || end < at) return undefined;
  if (!hasSizes) {
    const bytes = (end - at) / count;
    return Number.isInteger(bytes) && bytes <= MAX_FRAME_BYTES ? count : undefined;
  }
  let used = 0;
  for (let i = 1; i < count; i++) {
    const size = readSize(packet.subarray(0, end), at);
    if (size === undefined) return undefined;
    at = size.end;
    used += size.bytes;
  }
  const last = end - at - used;
  return last >= 0 && last <= MAX_FRAME_BYTES ? count : undefined;
}

/** A frame's size in one or two bytes, and where they end. */
function readSize(packet: Uint8Array, at: number): { bytes: number; end: number } | undefined {
  if (at >= packet.length) return undefined;
  const first = packet[at]!;
  if (first < 252) return { bytes: first, end: at + 1 };
  if (at + 1 >= packet.length) return undefined;
  return { bytes: packet[at + 1]! * 4 + first, end: at + 2 };
}
