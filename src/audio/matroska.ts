/**
 * Takes Matroska and WebM apart, as browsers record it: elements of unknown size, no index, no length.
 *
 * Of several tracks the first with sound is decoded. Elements that only group others are entered by
 * going on with what is inside, so it matters nothing whether their sizes are known. Follows RFC 9559.
 *
 * @module
 */

import { audioError } from "./_audio_error.ts";
import type { AudioStream } from "./_audio_stream.ts";
import type { Asking, ByteReader, Wish } from "./_byte_reader.ts";
import {
  blockPackets,
  type Element,
  ID,
  readElementHeader,
  readTrack,
  type Track,
  unsignedOf,
} from "./_matroska_elements.ts";
import { openTrackCodec } from "./_matroska_codec.ts";
import { type Packet, type PacketCodec, packetStream } from "./_packet_codec.ts";

/** Enough for the longest header of an element. */
const HEADER_BYTES = 12;

/** Most bytes of one element that is read whole: a description, or a block of sound. */
const MAX_ELEMENT_BYTES = 2 ** 24;

const NANOSECONDS = 1e9;
const DEFAULT_TICK_NS = 1_000_000;

/** What stands before the sound. */
interface Head {
  tickNs: number;
  /** The length that the file states, in ticks. */
  ticks?: number;
  /** Where the file ends, as far as it says so. */
  endByte: number;
}

/** Reads the headers of a Matroska or WebM file, up to its first cluster. */
export function* openMatroska(reader: ByteReader, file?: string): Asking<AudioStream> {
  const head: Head = { tickNs: DEFAULT_TICK_NS, endByte: 0 };
  const tracks: Track[] = [];
  for (;;) {
    const element = yield* nextElement(reader, file);
    if (element === undefined || element.id === ID.cluster) break;
    if (element.id === ID.segment) head.endByte = reader.position + (element.size ?? 0);
    if (isGroup(element.id)) continue;
    const content = yield* contentOf(reader, element, isDescription(element.id), file);
    if (content === undefined) continue;
    if (element.id === ID.trackEntry) tracks.push(readTrack(content, file));
    if (element.id === ID.tickNs) head.tickNs = unsignedOf(content) || DEFAULT_TICK_NS;
    if (element.id === ID.ticks) head.ticks = floatOf(content);
  }
  const track = tracks.find(({ isAudio }) => isAudio);
  if (track === undefined) throw audioError("expected a track of sound, found none", file);
  const codec = yield* openTrackCodec(track, file);
  const seconds = (head.ticks ?? 0) * head.tickNs / NANOSECONDS;
  const likelyFrames = seconds > 0 ? seconds * codec.sampleRateHz : undefined;
  const stream = packetStream(
    codec,
    (warn) => readBlocks(reader, track, codec, head.endByte, warn, file),
  );
  return { ...stream, likelyFrames };
}

function* readBlocks(
  reader: ByteReader,
  track: Track,
  codec: PacketCodec,
  endByte: number,
  warn: (doubt: string) => void,
  file?: string,
): Generator<Packet | Wish, void, unknown> {
  for (;;) {
    const element = yield* nextElement(reader, file);
    if (element === undefined) {
      const rest = yield* reader.peek(1);
      if (reader.position < endByte || rest.length > 0) {
        warn("Truncated: the Matroska file ends before it says so");
      }
      return;
    }
    if (isGroup(element.id)) continue;
    const isBlock = element.id === ID.simpleBlock || element.id === ID.blockGroup;
    const content = yield* contentOf(reader, element, isBlock, file);
    if (content === undefined) continue;
    if (content.length < element.size!) {
      return warn("Truncated: the last block of the Matroska file is incomplete");
    }
    for (const { bytes, discardNs } of blockPackets(element.id, content, track)) {
      const discardEnd = Math.round(discardNs * codec.sampleRateHz / NANOSECONDS);
      yield { bytes, discardEnd };
    }
  }
}

function isGroup(id: number): boolean {
  return id === ID.segment || id === ID.cluster || id === ID.tracks || id === ID.info;
}

function isDescription(id: number): boolean {
  return id === ID.trackEntry || id === ID.tickNs || id === ID.ticks;
}

/** The header of the next element, or undefined at the end. */
function* nextElement(reader: ByteReader, file?: string): Asking<Element | undefined> {
  const head = yield* reader.peek(HEADER_BYTES);
  if (head.length === 0) return undefined;
  const at = reader.position;
  const element = readElementHeader(head);
  if (element === undefined) {
    if (head.length < HEADER_BYTES) return undefined;
    throw audioError(`expected a Matroska element at byte ${at}, found other bytes`, file);
  }
  reader.skip(element.headerBytes);
  return element;
}

/** Reads an element, or passes over it. */
function* contentOf(
  reader: ByteReader,
  { size }: Element,
  isWanted: boolean,
  file?: string,
): Asking<Uint8Array | undefined> {
  if (size === undefined) {
    throw audioError("expected Matroska elements of a known size, found an unknown one", file);
  }
  if (!isWanted) {
    reader.skip(size);
    return undefined;
  }
  if (size > MAX_ELEMENT_BYTES) {
    const expected = `Matroska elements of at most ${MAX_ELEMENT_BYTES} bytes`;
    throw audioError(`expected ${expected}, found ${size}`, file);
  }
  return yield* reader.take(size);
}

function floatOf(content: Uint8Array): number | undefined {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content.length === 4) return view.getFloat32(0);
  return content.length === 8 ? view.getFloat64(0) : undefined;
}
