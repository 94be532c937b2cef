// Scaled dot-product attention: five queries of a head at a time, against all its keys.
import {
  AttentionCall,
  biasRow,
  CALL_BYTES,
  exponentials,
  frameBytes,
  headOffset,
  keyCount,
  packColumns,
  packFrames,
  rowCounters,
} from "./attention_head";
import { LANES, storeLanes, VECTOR_BYTES } from "./simd";
import {
  packTile,
  PANEL,
  PANEL_BYTES,
  ROWS,
  setA,
  setC,
  TILE_SCRATCH_BYTES,
  tilePanels,
  TileRows,
  tileStep,
  UNIT_ROWS,
} from "./tile";

/**
 * Units: 10 queries; of a head, then of the next head. Scratch per thread: the keys and the values
 * of a head in panels, five rows of scores, a factor for each, and the packed rows of a tile.
 */
export function attention(
  thread: i32, begin: i32, end: i32,
  q: usize, k: usize, v: usize, lengths: usize, bias: usize, biasShared: i32,
  context: usize, logSumExp: usize,
  frames: i32, heads: i32, headSize: i32,
  scale: f32, threshold: u32, keepFactor: f32, seed: u32,
  scratch: usize, scratchBytes: usize,
): void {
  const rows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const call = changetype<AttentionCall>(changetype<usize>(rows) + TILE_SCRATCH_BYTES);
  call.lengths = lengths;
  call.bias = bias;
  call.biasShared = biasShared;
  call.frames = frames;
  call.heads = heads;
  call.headSize = headSize;
  call.scale = scale;
  call.threshold = threshold;
  call.keepFactor = keepFactor;
  call.seed = seed;
  const paddedFrames = (frames + PANEL - 1) & -PANEL;
  const paddedSize = (headSize + PANEL - 1) & -PANEL;
  const keys = changetype<usize>(call) + CALL_BYTES;
  const values = keys + (<usize>(paddedFrames * headSize) << 2);
  const scores = values + (<usize>(paddedSize * frames) << 2);

  const headUnits = (frames + UNIT_ROWS - 1) / UNIT_ROWS;
  let packedHead = -1;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / headUnits;
    const offset = headOffset(call, head);
    const count = keyCount(call, head);
    if (head != packedHead) {
      packColumns(call, k + offset, count, keys);
      packFrames(call, v + offset, count, values);
      packedHead = head;
    }
    const first = (unit % headUnits) * UNIT_ROWS;
    const last = min(frames, first + UNIT_ROWS);
    for (let query = first; query < last; query += ROWS) {
      const height = min(ROWS, last - query);
      const target = context + offset + <usize>query * frameBytes(call);
      const sums = logSumExp + (<usize>(head * frames + query) << 2);
      scoreRows(call, rows, q + offset, query, height, count, keys, scores, paddedFrames);
      contextRows(call, rows, head, query, height, count, values, scores, paddedFrames, target, sums);
    }
  }
}

/** Products of `height` queries with all keys. */
// @ts-ignore: decorator
@inline
function scoreRows(
  call: AttentionCall,
  rows: TileRows,
  q: usize,
  query: i32,
  height: i32,
  count: i32,
  keys: usize,
  scores: usize,
  paddedFrames: i32,
): void {
  for (let i = 0; i < ROWS; i++) {
    setA(rows, i, q + <usize>(query + min(i, height - 1)) * frameBytes(call));
    setC(rows, i, scores + (<usize>(i * paddedFrames) << 2));
  }
  const panelBytes = <usize>call.headSize * PANEL_BYTES;
  const columns = (count + PANEL - 1) & -PANEL;
  const size = call.headSize;
  const a = packedRows(scores, paddedFrames);
  packTile(rows, height, size, a);
  tilePanels(rows, height, size, a, tileStep(height), keys, panelBytes, columns, PANEL_BYTES, 0, false);
}

/** Behind the scores of a tile and their factors. */
// @ts-ignore: decorator
@inline
function packedRows(scores: usize, paddedFrames: i32): usize {
  return scores + (<usize>(ROWS * (paddedFrames + 1)) << 2);
}

/** Their probabilities, and the means of the values under these. */
// @ts-ignore: decorator
@inline
function contextRows(
  call: AttentionCall,
  rows: TileRows,
  head: i32,
  query: i32,
  height: i32,
  count: i32,
  values: usize,
  scores: usize,
  paddedFrames: i32,
  target: usize,
  sums: usize,
): void {
  for (let i = 0; i < ROWS; i++) {
    const row = scores + (<usize>(min(i, height - 1) * paddedFrames) << 2);
    setA(rows, i, row);
    setC(rows, i, target + <usize>i * frameBytes(call));
  }
  const factors = scores + (<usize>(ROWS * paddedFrames) << 2);
  for (let i = 0; i < height; i++) {
    const bias = call.bias ? biasRow(call, call.bias, head, query + i) : 0;
    const counters = rowCounters(call, head, query + i);
    const row = scores + (<usize>(i * paddedFrames) << 2);
    const at = <usize>i << 2;
    store<f32>(factors + at, exponentials(call, row, count, bias, counters, sums + at));
  }
  const panelBytes = <usize>count * PANEL_BYTES;
  const size = call.headSize;
  const a = packedRows(scores, paddedFrames);
  packTile(rows, height, count, a);
  tilePanels(rows, height, count, a, tileStep(height), values, panelBytes, size, PANEL_BYTES, 0, false);
  for (let i = 0; i < height; i++) {
    const factor = load<f32>(factors + (<usize>i << 2));
    multiply(target + <usize>i * frameBytes(call), call.headSize, factor);
  }
}

/** `count` floats by a factor, in place. */
function multiply(at: usize, count: i32, factor: f32): void {
  for (; count > 0; count -= LANES, at += VECTOR_BYTES) {
    const product = f32x4.mul(v128.load(at), f32x4.splat(factor));
    if (count >= LANES) v128.store(at, product);
    else storeLanes(at, product, count);
  }
}
