// Scores by distance, and their gradients: products of frames with the positions of the distances that
// they can have, of which each frame needs another run.
//
// Ten neighbouring frames need T + 9 distances together: so many columns of a product, from which each
// row is then read from another column on. The gradients begin with such skewed rows. A distance is
// numbered `key - query + T - 1`, so a query's run of them goes up with the key, a key's down with the query.
import { packPanel } from "./pack";
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

/** Frames whose share of the positions' gradient is summed at once; `../relative_scores.ts` has the same. */
const SUMMED_ROWS: i32 = 24;

/**
 * Positions by distance as columns: panels of 8 distances, `headSize` rows each, head after head.
 * Units: panels; distances that do not exist are 0.
 */
export function packDistanceColumns(
  thread: i32, begin: i32, end: i32,
  positions: usize, index: usize, packed: usize, distances: i32, heads: i32, headSize: i32,
): void {
  const panels = (distances + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / panels;
    const first = (unit % panels) * PANEL;
    const panel = packed + <usize>(unit * headSize) * PANEL_BYTES;
    for (let lane = 0; lane < PANEL; lane++) {
      const to = panel + (<usize>lane << 2);
      const distance = first + lane;
      const from = positionAt(positions, index, min(distance, distances - 1), head, heads, headSize);
      for (let d = 0; d < headSize; d++) {
        const value: f32 = distance < distances ? load<f32>(from + (<usize>d << 2)) : 0;
        store<f32>(to + <usize>d * PANEL_BYTES, value);
      }
    }
  }
}

/**
 * Positions by distance as rows: panels of 8 numbers of a head, a row for each distance, head after head.
 * Units: panels; numbers that do not exist are 0.
 */
export function packDistanceRows(
  thread: i32, begin: i32, end: i32,
  positions: usize, index: usize, packed: usize, distances: i32, heads: i32, headSize: i32,
): void {
  const panels = (headSize + PANEL - 1) / PANEL;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / panels;
    const first = (unit % panels) * PANEL;
    const count = min(PANEL, headSize - first);
    let to = packed + <usize>(unit * distances) * PANEL_BYTES;
    for (let distance = 0; distance < distances; distance++, to += PANEL_BYTES) {
      const from = positionAt(positions, index, distance, head, heads, headSize);
      packPanel(from + (<usize>first << 2), count, 4, 1, 0, 1, 0, to);
    }
  }
}

/** Where the head of the position of a distance starts. */
// @ts-ignore: decorator
@inline
function positionAt(
  positions: usize, index: usize, distance: i32, head: i32, heads: i32, headSize: i32,
): usize {
  const position = load<i32>(index + (<usize>distance << 2));
  return positions + (<usize>((position * heads + head) * headSize) << 2);
}

/** The first distance that frames `first` to `first + height - 1` can have. */
// @ts-ignore: decorator
@inline
function firstDistance(byKey: i32, frames: i32, first: i32, height: i32): i32 {
  return byKey ? first : frames - first - height;
}

/**
 * Units: 10 frames of a head, numbered `clip * heads + head`. `packed` is from {@link packDistanceColumns};
 * scratch per thread: 10 rows of `rowBytes`, and those of a tile, packed.
 */
export function relativeScores(
  thread: i32, begin: i32, end: i32,
  x: usize, packed: usize, y: usize, frames: i32, heads: i32, headSize: i32, scale: f32, byKey: i32,
  rowBytes: usize, scratch: usize, scratchBytes: usize,
): void {
  const rows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const block = changetype<usize>(rows) + TILE_SCRATCH_BYTES;
  const a = block + <usize>UNIT_ROWS * rowBytes;
  const distances = 2 * frames - 1;
  const panelBytes = <usize>headSize * PANEL_BYTES;
  const headBytes = <usize>((distances + PANEL - 1) / PANEL) * panelBytes;
  const frameBytes = <usize>(heads * headSize) << 2;
  const headUnits = (frames + UNIT_ROWS - 1) / UNIT_ROWS;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / headUnits;
    const first = (unit % headUnits) * UNIT_ROWS;
    const height = min(UNIT_ROWS, frames - first);
    const least = firstDistance(byKey, frames, first, height);
    const start = least & -PANEL;
    const columns = (least + frames + height - 1 - start + PANEL - 1) & -PANEL;
    const panels = packed + <usize>(head % heads) * headBytes + <usize>(start / PANEL) * panelBytes;
    const from = x + <usize>(head / heads * frames + first) * frameBytes +
      (<usize>(head % heads * headSize) << 2);
    for (let row = 0; row < height; row += ROWS) {
      const count = min(ROWS, height - row);
      for (let i = 0; i < ROWS; i++) {
        setA(rows, i, from + <usize>(row + min(i, count - 1)) * frameBytes);
        setC(rows, i, block + <usize>(row + i) * rowBytes);
      }
      packTile(rows, count, headSize, a);
      tilePanels(
        rows, count, headSize, a, tileStep(count), panels, panelBytes, columns, PANEL_BYTES, 0, false,
      );
    }
    const scores = y + (<usize>(head * frames * frames) << 2);
    if (byKey) {
      writeColumns(block, rowBytes, first - start, scores, first, height, frames, scale);
    } else {
      for (let row = 0; row < height; row++) {
        const query = first + row;
        const run = block + <usize>row * rowBytes + (<usize>(frames - 1 - query - start) << 2);
        scaleRun(run, scores + (<usize>(query * frames) << 2), frames, scale);
      }
    }
  }
}

/** Columns `first` to `first + height - 1` of the scores of a head, each downwards through its row of the block. */
function writeColumns(
  block: usize, rowBytes: usize, offset: i32, scores: usize, first: i32, height: i32,
  frames: i32, scale: f32,
): void {
  for (let query = 0; query < frames; query++) {
    const to = scores + (<usize>(query * frames + first) << 2);
    const from = block + (<usize>(offset + frames - 1 - query) << 2);
    for (let row = 0; row < height; row++) {
      const at = <usize>row << 2;
      store<f32>(to + at, scale * load<f32>(from + at + <usize>row * rowBytes));
    }
  }
}

/** `count` floats times a factor. */
function scaleRun(from: usize, to: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  for (; count > 0; count -= LANES, from += VECTOR_BYTES, to += VECTOR_BYTES) {
    const value = f32x4.mul(v128.load(from), factors);
    if (count >= LANES) v128.store(to, value);
    else storeLanes(to, value, count);
  }
}

/**
 * Slopes of frames `first` to `first + height - 1`, each row moved to where its distances lie among
 * those from `firstDistance` on, with zeros around, and times `scale`.
 */
function skewRows(
  dy: usize, block: usize, rowBytes: usize, first: i32, height: i32,
  frames: i32, scale: f32, byKey: i32,
): void {
  for (let row = 0; row < height; row++) {
    const line = block + <usize>row * rowBytes;
    memory.fill(line, 0, <usize>(frames + height - 1) << 2);
    if (byKey) {
      let from = dy + (<usize>(first + row) << 2);
      let to = line + (<usize>(row + frames - 1) << 2);
      for (let query = 0; query < frames; query++) {
        store<f32>(to, scale * load<f32>(from));
        from += <usize>frames << 2;
        to -= 4;
      }
    } else {
      const from = dy + (<usize>((first + row) * frames) << 2);
      scaleRun(from, line + (<usize>(height - 1 - row) << 2), frames, scale);
    }
  }
}

/** Units as in {@link relativeScores}. `packed` is from {@link packDistanceRows}. */
export function relativeScoresGradInput(
  thread: i32, begin: i32, end: i32,
  dy: usize, packed: usize, dx: usize, frames: i32, heads: i32, headSize: i32, scale: f32, byKey: i32,
  rowBytes: usize, scratch: usize, scratchBytes: usize,
): void {
  const rows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const block = changetype<usize>(rows) + TILE_SCRATCH_BYTES;
  const a = block + <usize>UNIT_ROWS * rowBytes;
  const panelBytes = <usize>(2 * frames - 1) * PANEL_BYTES;
  const headBytes = <usize>((headSize + PANEL - 1) / PANEL) * panelBytes;
  const frameBytes = <usize>(heads * headSize) << 2;
  const headUnits = (frames + UNIT_ROWS - 1) / UNIT_ROWS;
  for (let unit = begin; unit < end; unit++) {
    const head = unit / headUnits;
    const first = (unit % headUnits) * UNIT_ROWS;
    const height = min(UNIT_ROWS, frames - first);
    const slopes = dy + (<usize>(head * frames * frames) << 2);
    skewRows(slopes, block, rowBytes, first, height, frames, scale, byKey);
    const least = firstDistance(byKey, frames, first, height);
    const panels = packed + <usize>(head % heads) * headBytes + <usize>least * PANEL_BYTES;
    const to = dx + <usize>(head / heads * frames + first) * frameBytes +
      (<usize>(head % heads * headSize) << 2);
    for (let row = 0; row < height; row += ROWS) {
      const count = min(ROWS, height - row);
      for (let i = 0; i < ROWS; i++) {
        setA(rows, i, block + <usize>(row + min(i, count - 1)) * rowBytes);
        setC(rows, i, to + <usize>(row + i) * frameBytes);
      }
      const depth = frames + height - 1;
      packTile(rows, count, depth, a);
      tilePanels(
        rows, count, depth, a, tileStep(count), panels, panelBytes, headSize, PANEL_BYTES, 0, false,
      );
    }
  }
}

/**
 * Units: heads of all clips. Scratch per thread: a sum of `headSize` for each distance, SUMMED_ROWS skewed
 * rows of `rowBytes`, and as many frames of a head in panels.
 */
export function relativeScoresGradPositions(
  thread: i32, begin: i32, end: i32,
  x: usize, dy: usize, index: usize, dpositions: usize, positions: i32, batches: i32,
  frames: i32, heads: i32, headSize: i32, scale: f32, byKey: i32,
  rowBytes: usize, scratch: usize, scratchBytes: usize,
): void {
  const rows = changetype<TileRows>(scratch + <usize>thread * scratchBytes);
  const distances = 2 * frames - 1;
  const sumBytes = <usize>headSize << 2;
  const frameBytes = <usize>heads * sumBytes;
  const sums = changetype<usize>(rows) + TILE_SCRATCH_BYTES;
  const block = sums + <usize>distances * sumBytes;
  const panels = block + <usize>SUMMED_ROWS * rowBytes;
  for (let head = begin; head < end; head++) {
    memory.fill(sums, 0, <usize>distances * sumBytes);
    for (let clip = 0; clip < batches; clip++) {
      const slopes = dy + (<usize>((clip * heads + head) * frames * frames) << 2);
      const source = x + <usize>(clip * frames) * frameBytes + <usize>head * sumBytes;
      for (let first = 0; first < frames; first += SUMMED_ROWS) {
        const height = min(SUMMED_ROWS, frames - first);
        skewRows(slopes, block, rowBytes, first, height, frames, scale, byKey);
        packHead(source + <usize>first * frameBytes, frameBytes, height, headSize, panels);
        const least = firstDistance(byKey, frames, first, height);
        addOuter(rows, block, rowBytes, height, frames, sums + <usize>least * sumBytes, headSize, panels);
      }
    }
    addByPosition(sums, index, distances, dpositions + <usize>head * sumBytes, positions, frameBytes, headSize);
  }
}

/** `height` frames of a head in panels of 8 numbers. */
function packHead(source: usize, frameBytes: usize, height: i32, headSize: i32, panels: usize): void {
  for (let d = 0; d < headSize; d += PANEL) {
    const panel = panels + <usize>(d / PANEL * height) * PANEL_BYTES;
    packPanel(source + (<usize>d << 2), min(PANEL, headSize - d), 4, 1, 0, height, frameBytes, panel);
  }
}

/** `sums += S^T X`, with S the skewed rows and X the frames in panels. */
function addOuter(
  rows: TileRows, block: usize, rowBytes: usize, height: i32, frames: i32,
  sums: usize, headSize: i32, panels: usize,
): void {
  const count = frames + height - 1;
  const sumBytes = <usize>headSize << 2;
  const panelBytes = <usize>height * PANEL_BYTES;
  for (let distance = 0; distance < count; distance += ROWS) {
    const width = min(ROWS, count - distance);
    for (let i = 0; i < ROWS; i++) setC(rows, i, sums + <usize>(distance + i) * sumBytes);
    const a = block + (<usize>distance << 2);
    tilePanels(rows, width, height, a, rowBytes, panels, panelBytes, headSize, PANEL_BYTES, 0, true);
  }
}

/** The sum of each distance to the gradient of its position. */
function addByPosition(
  sums: usize, index: usize, distances: i32,
  dpositions: usize, positions: i32, positionBytes: usize, headSize: i32,
): void {
  const sumBytes = <usize>headSize << 2;
  for (let position = 0; position < positions; position++) {
    memory.fill(dpositions + <usize>position * positionBytes, 0, sumBytes);
  }
  for (let distance = 0; distance < distances; distance++) {
    const from = sums + <usize>distance * sumBytes;
    const to = dpositions + <usize>load<i32>(index + (<usize>distance << 2)) * positionBytes;
    for (let i: usize = 0; i < sumBytes; i += 4) {
      store<f32>(to + i, load<f32>(to + i) + load<f32>(from + i));
    }
  }
}
