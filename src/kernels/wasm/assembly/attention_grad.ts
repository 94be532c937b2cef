// Gradient of attention: the probabilities of a block of queries are computed anew, from the scores
// and their `logSumExp`, and lead to the gradients of these queries and a share of those of all keys.
//
// With P the probabilities after dropout and dS the slopes of the scores: dV = P^T dY, dQ = dS K, dK = dS^T Q.
// P and dS are written in panels of 8 keys, which is what the sums over queries need, dS in rows
// too. dK and dV are summed as `[headSize, keys]`, since that makes P and dS the packed side of the product.
import {
  AttentionCall,
  biasRow,
  CALL_BYTES,
  dot,
  frameBytes,
  headOffset,
  keepFactors,
  keyCount,
  packColumns,
  packFrames,
  rowCounters,
} from "./attention_head";
import { counterStep } from "./dropout";
import { exp, LANES, storeLanes, VECTOR_BYTES } from "./simd";
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
} from "./tile";

/** Scratch of one thread, and the sizes that it has. */
// @ts-ignore: decorator
@unmanaged
class Work {
  /** Frames, rounded up to whole panels. */
  paddedFrames: i32 = 0;
  /** Queries of a block, at most. */
  blockRows: i32 = 0;
  /** K and V as columns, K as rows: see packColumns and packFrames. */
  keyColumns: usize = 0;
  valueColumns: usize = 0;
  keyRows: usize = 0;
  /** `[headSize, paddedFrames]` */
  dkeys: usize = 0;
  dvalues: usize = 0;
  /** Queries and slopes of a block, without the other heads: `[blockRows, headSize]`. */
  queries: usize = 0;
  slopes: usize = 0;
  /** Scores of a block, then dS: `[blockRows, paddedFrames]`. */
  scores: usize = 0;
  /** Of a block, in panels of `blockRows` by 8: the slopes of P, then dS; and P. */
  dscores: usize = 0;
  probabilities: usize = 0;
  /** The rows of a tile, packed. */
  packedRows: usize = 0;
}

/** Bytes of a Work, rounded up. */
const WORK_BYTES: usize = 64;

/** Units: heads of clips, or heads of all clips where these share the bias. `dbias` may be 0. */
export function attentionGrad(
  thread: i32, begin: i32, end: i32,
  q: usize, k: usize, v: usize, lengths: usize, bias: usize, biasShared: i32,
  context: usize, logSumExp: usize, dy: usize,
  dq: usize, dk: usize, dv: usize, dbias: usize,
  batches: i32, frames: i32, heads: i32, headSize: i32,
  scale: f32, threshold: u32, keepFactor: f32, seed: u32,
  blockRows: i32, scratch: usize, scratchBytes: usize,
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
  const work = changetype<Work>(changetype<usize>(call) + CALL_BYTES);
  layOut(call, work, blockRows);

  for (let unit = begin; unit < end; unit++) {
    if (dbias) clear(biasRow(call, dbias, unit, 0), frames * frames);
    const clips = dbias && biasShared ? batches : 1;
    for (let clip = 0; clip < clips; clip++) {
      const head = unit + clip * heads;
      const offset = headOffset(call, head);
      const count = keyCount(call, head);
      packColumns(call, k + offset, count, work.keyColumns);
      packColumns(call, v + offset, count, work.valueColumns);
      packFrames(call, k + offset, count, work.keyRows);
      for (let first = 0; first < frames; first += blockRows) {
        const height = min(blockRows, frames - first);
        const at = offset + <usize>first * frameBytes(call);
        const sums = logSumExp + (<usize>(head * frames + first) << 2);
        scoreBlock(call, work, rows, q + at, dy + at, height, count);
        for (let i = 0; i < height; i++) {
          const from = at + <usize>i * frameBytes(call);
          const mean = dot(dy + from, context + from, headSize);
          const sum = load<f32>(sums + (<usize>i << 2));
          const target = dbias ? biasRow(call, dbias, head, first + i) : 0;
          slopeRow(call, work, head, first + i, i, count, sum, mean, target);
        }
        queryGradients(call, work, rows, dq + at, height, count);
        sumOverQueries(call, work, rows, work.slopes, work.probabilities, work.dvalues, height, count, first > 0);
        sumOverQueries(call, work, rows, work.queries, work.dscores, work.dkeys, height, count, first > 0);
      }
      writeTransposed(call, work, work.dkeys, dk + offset, count);
      writeTransposed(call, work, work.dvalues, dv + offset, count);
    }
  }
}

/** Places the areas of scratch memory one after the other; `../attention.ts` knows their size. */
function layOut(call: AttentionCall, work: Work, blockRows: i32): void {
  const paddedFrames = (call.frames + PANEL - 1) & -PANEL;
  const paddedSize = (call.headSize + PANEL - 1) & -PANEL;
  const square = <usize>(paddedFrames * paddedSize) << 2;
  const block = <usize>(blockRows * paddedFrames) << 2;
  const compact = <usize>(blockRows * paddedSize) << 2;
  work.paddedFrames = paddedFrames;
  work.blockRows = blockRows;
  work.queries = changetype<usize>(work) + WORK_BYTES;
  work.slopes = work.queries + compact;
  work.keyColumns = work.slopes + compact;
  work.valueColumns = work.keyColumns + square;
  work.keyRows = work.valueColumns + square;
  work.dkeys = work.keyRows + square;
  work.dvalues = work.dkeys + square;
  work.scores = work.dvalues + square;
  work.dscores = work.scores + block;
  work.probabilities = work.dscores + block;
  work.packedRows = work.probabilities + block;
}

/** Products of the queries of a block with all keys, and of their slopes with all values. */
function scoreBlock(
  call: AttentionCall,
  work: Work,
  rows: TileRows,
  q: usize,
  dy: usize,
  height: i32,
  count: i32,
): void {
  const size = call.headSize;
  const a = work.packedRows;
  const panelBytes = <usize>size * PANEL_BYTES;
  const columns = (count + PANEL - 1) & -PANEL;
  const rowBytes = <usize>work.paddedFrames << 2;
  const cPanel = <usize>work.blockRows * PANEL_BYTES;
  compactFrames(call, q, height, work.queries);
  compactFrames(call, dy, height, work.slopes);
  for (let first = 0; first < height; first += ROWS) {
    const tileHeight = min(ROWS, height - first);
    const step = tileStep(tileHeight);
    for (let i = 0; i < ROWS; i++) {
      const row = first + min(i, tileHeight - 1);
      setA(rows, i, work.queries + (<usize>(row * call.headSize) << 2));
      setC(rows, i, work.scores + <usize>row * rowBytes);
    }
    packTile(rows, tileHeight, size, a);
    tilePanels(
      rows, tileHeight, size, a, step, work.keyColumns, panelBytes, columns, PANEL_BYTES, 0, false,
    );
    for (let i = 0; i < ROWS; i++) {
      const row = first + min(i, tileHeight - 1);
      setA(rows, i, work.slopes + (<usize>(row * call.headSize) << 2));
      setC(rows, i, work.dscores + <usize>row * PANEL_BYTES);
    }
    packTile(rows, tileHeight, size, a);
    tilePanels(
      rows, tileHeight, size, a, step, work.valueColumns, panelBytes, columns, cPanel, 0, false,
    );
  }
}

/** Probabilities and dS of a query, the `row`th of its block, from its scores and the slopes of P. */
function slopeRow(
  call: AttentionCall,
  work: Work,
  head: i32,
  query: i32,
  row: i32,
  count: i32,
  logSumExp: f32,
  mean: f32,
  dbias: usize,
): void {
  const scale = f32x4.splat(call.scale);
  const scores = work.scores + (<usize>(row * work.paddedFrames) << 2);
  const bias = call.bias ? biasRow(call, call.bias, head, query) : 0;
  let counters = rowCounters(call, head, query);
  let inPanels = <usize>row * PANEL_BYTES;
  for (let key = 0; key < count; key += LANES) {
    const at = <usize>key << 2;
    let score = f32x4.mul(v128.load(scores + at), scale);
    if (bias) score = f32x4.add(score, v128.load(bias + at));
    const probability = exp(f32x4.sub(score, f32x4.splat(logSumExp)));
    let slope = v128.load(work.dscores + inPanels);
    let kept = probability;
    if (call.threshold) {
      const factors = keepFactors(call, counters);
      counters = i32x4.add(counters, counterStep());
      kept = f32x4.mul(kept, factors);
      slope = f32x4.mul(slope, factors);
    }
    v128.store(work.probabilities + inPanels, kept);
    let dscore = f32x4.mul(probability, f32x4.sub(slope, f32x4.splat(mean)));
    if (dbias) addLanes(dbias + at, dscore, count - key);
    dscore = f32x4.mul(dscore, scale);
    v128.store(scores + at, dscore);
    v128.store(work.dscores + inPanels, dscore);
    inPanels += key & LANES ? <usize>work.blockRows * PANEL_BYTES - VECTOR_BYTES : VECTOR_BYTES;
  }
}

/** Adds the first `count` lanes, or all. */
// @ts-ignore: decorator
@inline
function addLanes(to: usize, x: v128, count: i32): void {
  const sum = f32x4.add(v128.load(to), x);
  if (count >= LANES) v128.store(to, sum);
  else storeLanes(to, sum, count);
}

/** dQ = dS K. */
function queryGradients(
  call: AttentionCall,
  work: Work,
  rows: TileRows,
  dq: usize,
  height: i32,
  count: i32,
): void {
  const a = work.packedRows;
  const panelBytes = <usize>count * PANEL_BYTES;
  for (let first = 0; first < height; first += ROWS) {
    const tileHeight = min(ROWS, height - first);
    for (let i = 0; i < ROWS; i++) {
      const row = first + min(i, tileHeight - 1);
      setA(rows, i, work.scores + (<usize>(row * work.paddedFrames) << 2));
      setC(rows, i, dq + <usize>row * frameBytes(call));
    }
    packTile(rows, tileHeight, count, a);
    tilePanels(
      rows, tileHeight, count, a, tileStep(tileHeight), work.keyRows, panelBytes, call.headSize,
      PANEL_BYTES, 0, false,
    );
  }
}

/** `sums[d, key]`, or with `add` that much more: `sum over queries of frames[query, d] * panels[query, key]`. */
function sumOverQueries(
  call: AttentionCall,
  work: Work,
  rows: TileRows,
  frames: usize,
  panels: usize,
  sums: usize,
  height: i32,
  count: i32,
  add: bool,
): void {
  const size = call.headSize;
  const aStep = <usize>size << 2;
  const panelBytes = <usize>work.blockRows * PANEL_BYTES;
  const columns = (count + PANEL - 1) & -PANEL;
  for (let first = 0; first < size; first += ROWS) {
    const tileHeight = min(ROWS, size - first);
    for (let i = 0; i < ROWS; i++) {
      const row = first + min(i, tileHeight - 1);
      setC(rows, i, sums + (<usize>(row * work.paddedFrames) << 2));
    }
    const a = frames + (<usize>first << 2);
    tilePanels(rows, tileHeight, height, a, aStep, panels, panelBytes, columns, PANEL_BYTES, 0, add);
  }
}

/** The frames of a block without those of the other heads. */
function compactFrames(call: AttentionCall, from: usize, height: i32, to: usize): void {
  for (let row = 0; row < height; row++) {
    for (let i = 0; i < call.headSize; i++) {
      store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>i << 2)));
    }
    from += frameBytes(call);
    to += <usize>call.headSize << 2;
  }
}

/** `sums[d, key]` to `to[key, d]`, and 0 for the keys from `count` on. */
function writeTransposed(
  call: AttentionCall,
  work: Work,
  sums: usize,
  to: usize,
  count: i32,
): void {
  const column = <usize>work.paddedFrames << 2;
  for (let key = 0; key < call.frames; key++) {
    for (let d = 0; d < call.headSize; d++) {
      const value: f32 = key < count ? load<f32>(sums + <usize>d * column) : 0;
      store<f32>(to + (<usize>d << 2), value);
    }
    sums += 4;
    to += frameBytes(call);
  }
}

function clear(at: usize, count: i32): void {
  for (; count >= LANES; count -= LANES, at += VECTOR_BYTES) v128.store(at, f32x4.splat(0));
  for (; count > 0; count--, at += 4) store<f32>(at, 0);
}
