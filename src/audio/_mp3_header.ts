/**
 * The header of an MP3 frame, four bytes, and where the next one lies.
 *
 * Covers layer III of MPEG-1, MPEG-2 and MPEG-2.5 with a stated bit rate. Follows ISO/IEC 11172-3
 * and 13818-3.
 *
 * @module
 */

/** What a frame's header says. */
export interface Mp3Header {
  sampleRateHz: number;
  /** 0 to 8: the rate's place in the tables, MPEG-1 first. */
  rateIndex: number;
  /** True for MPEG-1, false for the half and quarter rates of MPEG-2 and 2.5. */
  isFull: boolean;
  channels: number;
  /** Granules of 576 frames: 2 in MPEG-1, else 1. */
  granules: number;
  /** Whether the channels are middle and side, and whether high ones share their shape. */
  isMiddleSide: boolean;
  isIntensity: boolean;
  /** Bytes of the header with its checksum, where it has one. */
  headerBytes: number;
  /** Bytes that describe the granules. */
  sideBytes: number;
  /** Bytes of the whole frame. */
  frameBytes: number;
}

/** Frames of sound in a granule. */
export const GRANULE_FRAMES = 576;

const RATES_HZ = [44_100, 48_000, 32_000];
const FULL_KBITS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const LOW_KBITS = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

const LAYER_III = 1;
const RESERVED_VERSION = 1;
const FULL_VERSION = 3;
const JOINT_STEREO = 1;
const MONO = 3;

/** Reads the header at a byte, or returns undefined where there is none. */
export function readMp3Header(bytes: Uint8Array, at: number): Mp3Header | undefined {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || bytes[at + 1]! >> 5 !== 7) return undefined;
  const [second, third, fourth] = [bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
  const version = second >> 3 & 3;
  const rate = third >> 2 & 3;
  const isFull = version === FULL_VERSION;
  const kbits = (isFull ? FULL_KBITS : LOW_KBITS)[third >> 4] ?? 0;
  const isLayer = (second >> 1 & 3) === LAYER_III;
  if (version === RESERVED_VERSION || !isLayer || rate === 3 || kbits === 0) return undefined;
  const halvings = isFull ? 0 : version === 2 ? 1 : 2;
  const sampleRateHz = RATES_HZ[rate]! / 2 ** halvings;
  const granules = isFull ? 2 : 1;
  const mode = fourth >> 6;
  const isJoint = mode === JOINT_STEREO;
  const channels = mode === MONO ? 1 : 2;
  const padding = third >> 1 & 1;
  return {
    sampleRateHz,
    rateIndex: halvings * 3 + rate,
    isFull,
    channels,
    granules,
    isMiddleSide: isJoint && (fourth & 0x20) !== 0,
    isIntensity: isJoint && (fourth & 0x10) !== 0,
    headerBytes: second & 1 ? 4 : 6,
    sideBytes: channels === 1 ? (isFull ? 17 : 9) : isFull ? 32 : 17,
    frameBytes: Math.floor(granules * 72_000 * kbits / sampleRateHz) + padding,
  };
}

/**
 * The first byte from `start` on where a frame begins that another of its kind follows, or that
 * ends the file; -1 where there is none.
 */
export function findMp3Frame(bytes: Uint8Array, start: number, like?: Mp3Header): number {
  for (let at = start; at + 4 <= bytes.length; at++) {
    const header = readMp3Header(bytes, at);
    if (header === undefined || like && !isAlike(header, like)) continue;
    const next = at + header.frameBytes;
    if (next + 4 > bytes.length) return at;
    const following = readMp3Header(bytes, next);
    if (following && isAlike(following, header)) return at;
  }
  return -1;
}

/** True where two frames can be of one recording. */
export function isAlike(a: Mp3Header, b: Mp3Header): boolean {
  return a.sampleRateHz === b.sampleRateHz && a.channels === b.channels;
}
