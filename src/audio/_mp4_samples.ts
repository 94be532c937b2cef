/**
 * Where the packets of an MP4 track lie: in tables for the whole file, or fragment by fragment.
 *
 * Follows ISO/IEC 14496-12, sections 8.7 and 8.8.
 *
 * @module
 */

import { boxAt, boxesOf, viewOf } from "./_mp4_boxes.ts";

/** A run of bytes that holds packets, one after the other. */
export interface PacketRun {
  start: number;
  /** The packets' sizes; for samples of one size, how many there are. */
  sizes: Iterable<number>;
  count: number;
}

/** The sizes that a fragment's packets have where nothing else is said. */
export interface FragmentDefaults {
  track: number;
  sizeBytes: number;
}

const FULL_BOX_BYTES = 4;

/** Most packets in a fragment or a chunk, so that a number in a header costs nothing. */
const MAX_RUN_PACKETS = 2 ** 22;

/** The chunks of a track by the tables of its `stbl` box. */
export function* chunkRuns(table: Uint8Array): Generator<PacketRun> {
  const sizes = sizesOf(table);
  const places = placesOf(table);
  const groups = boxAt(table, "stsc");
  if (places === undefined || groups === undefined) return;
  let packet = 0;
  for (const { chunk, packets } of chunksOf(viewOf(groups), places.count)) {
    const start = places.at(chunk);
    const count = Math.min(packets, sizes.count - packet, MAX_RUN_PACKETS);
    if (start === undefined || count <= 0) return;
    const first = packet;
    yield { start, count, sizes: numbersFrom(count, (i) => sizes.at(first + i)) };
    packet += count;
  }
}

function* numbersFrom(count: number, at: (i: number) => number): Generator<number> {
  for (let i = 0; i < count; i++) yield at(i);
}

/** How many packets each chunk has, from a table of the chunks where that changes. */
function* chunksOf(view: DataView, chunks: number): Generator<{ chunk: number; packets: number }> {
  const entries = entriesOf(view, 4, 12);
  let packets = 0;
  for (let chunk = 0, entry = 0; chunk < chunks; chunk++) {
    while (entry < entries && view.getUint32(8 + entry * 12) <= chunk + 1) {
      packets = view.getUint32(12 + entry * 12);
      entry++;
    }
    yield { chunk, packets };
  }
}

function sizesOf(table: Uint8Array): { count: number; at: (i: number) => number } {
  const box = boxAt(table, "stsz");
  if (box === undefined || box.length < 12) return { count: 0, at: () => 0 };
  const view = viewOf(box);
  const common = view.getUint32(4);
  if (common > 0) return { count: view.getUint32(8), at: () => common };
  return { count: entriesOf(view, 8, 4), at: (i) => view.getUint32(12 + 4 * i) };
}

function placesOf(table: Uint8Array) {
  const [small, large] = [boxAt(table, "stco"), boxAt(table, "co64")];
  const box = small ?? large;
  if (box === undefined || box.length < 8) return undefined;
  const view = viewOf(box);
  const width = small === undefined ? 8 : 4;
  const count = entriesOf(view, 4, width);
  const at = (i: number) => {
    if (i >= count) return undefined;
    const place = 8 + i * width;
    return width === 4
      ? view.getUint32(place)
      : view.getUint32(place) * 2 ** 32 + view.getUint32(place + 4);
  };
  return { count, at };
}

/** The entries that a table states, as far as there is room for them behind the statement. */
function entriesOf(view: DataView, countAt: number, width: number): number {
  if (view.byteLength < countAt + 4) return 0;
  const room = Math.floor((view.byteLength - countAt - 4) / width);
  return Math.min(view.getUint32(countAt), room);
}

/** What a movie says of the fragments of a track. */
export function fragmentDefaults(movie: Uint8Array, track: number): FragmentDefaults | undefined {
  const extension = boxAt(movie, "mvex");
  if (extension === undefined) return undefined;
  for (const { name, content } of boxesOf(extension)) {
    if (name !== "trex" || content.length < 24) continue;
    const view = viewOf(content);
    if (view.getUint32(4) === track) return { track, sizeBytes: view.getUint32(16) };
  }
  return { track, sizeBytes: 0 };
}

/** The runs of a track in a fragment that begins at a byte of the file. */
export function* fragmentRuns(
  fragment: Uint8Array,
  fragmentStart: number,
  defaults: FragmentDefaults,
): Generator<PacketRun> {
  for (const { name, content } of boxesOf(fragment)) {
    if (name !== "traf") continue;
    const head = boxAt(content, "tfhd");
    if (head === undefined || head.length < 8) continue;
    const view = viewOf(head);
    if (view.getUint32(4) !== defaults.track) continue;
    const { base, sizeBytes } = readFragmentHead(view, fragmentStart, defaults);
    let next = base;
    for (const run of boxesOf(content)) {
      if (run.name !== "trun") continue;
      const read = readRun(viewOf(run.content), base, next, sizeBytes);
      if (read === undefined) continue;
      yield read;
      next = read.start + read.sizes.reduce((a, b) => a + b, 0);
    }
  }
}

function readFragmentHead(view: DataView, fragmentStart: number, defaults: FragmentDefaults) {
  const flags = view.getUint32(0) & 0xffffff;
  let at = 8;
  let { sizeBytes } = defaults;
  let base = fragmentStart;
  if (flags & 1 && at + 8 <= view.byteLength) {
    base = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    at += 8;
  }
  if (flags & 2) at += 4;
  if (flags & 8) at += 4;
  if (flags & 16 && at + 4 <= view.byteLength) sizeBytes = view.getUint32(at);
  return { base, sizeBytes };
}

function readRun(view: DataView, base: number, next: number, sizeBytes: number) {
  if (view.byteLength < 8) return undefined;
  const flags = view.getUint32(0) & 0xffffff;
  const stated = view.getUint32(4);
  let at = FULL_BOX_BYTES + 4;
  let start = next;
  if (flags & 1 && at + 4 <= view.byteLength) {
    start = base + view.getInt32(at);
    at += 4;
  }
  if (flags & 4) at += 4;
  const [hasDuration, hasSize, hasFlags, hasOffset] = [0x100, 0x200, 0x400, 0x800].map((flag) =>
    (flags & flag) !== 0
  );
  const width = 4 * [hasDuration, hasSize, hasFlags, hasOffset].filter(Boolean).length;
  const room = width === 0 ? MAX_RUN_PACKETS : Math.floor((view.byteLength - at) / width);
  const count = Math.max(0, Math.min(stated, room, MAX_RUN_PACKETS));
  const sizeAt = at + (hasDuration ? 4 : 0);
  const sizes = Array.from(
    { length: count },
    (_, i) => hasSize ? view.getUint32(sizeAt + i * width) : sizeBytes,
  );
  return { start, count, sizes };
}
