// Packing of B into panels of 8 columns, whatever its layout.
//
// B is seen as `B[(w, u)][n] = source[n * columnStride + u * outerStride + w * tapStride]` with w from 0 to
// `taps` and u from 0 to `outer`; its row number is `w * outer + u`. That covers a weight read by rows or
// by columns, and the taps of a convolution in any order and stride. Strides are in bytes and may
// be negative. Panel p holds columns 8p to 8p + 7, row after row; columns that do not exist are 0.
import { PANEL, PANEL_BYTES } from "./tile";

/**
 * Units: panels, of all groups one after the other.
 *
 * @param groupStride bytes from the source of one group to that of the next
 */
export function packPanels(
  thread: i32, begin: i32, end: i32,
  source: usize, groupStride: usize, columns: i32, columnStride: usize,
  outer: i32, outerStride: usize, taps: i32, tapStride: usize, packed: usize,
): void {
  const panels = (columns + PANEL - 1) / PANEL;
  const panelBytes = <usize>(outer * taps) * PANEL_BYTES;
  for (let unit = begin; unit < end; unit++) {
    const first = (unit % panels) * PANEL;
    packPanel(
      source + <usize>(unit / panels) * groupStride + <usize>first * columnStride,
      min(PANEL, columns - first),
      columnStride,
      outer,
      outerStride,
      taps,
      tapStride,
      packed + <usize>unit * panelBytes,
    );
  }
}

/** One panel of `columns` (1 to 8) columns. */
export function packPanel(
  source: usize,
  columns: i32,
  columnStride: usize,
  outer: i32,
  outerStride: usize,
  taps: i32,
  tapStride: usize,
  panel: usize,
): void {
  const tapBytes = <usize>outer * PANEL_BYTES;
  for (let u = 0; u < outer; u++) {
    const from = source + <usize>u * outerStride;
    const to = panel + <usize>u * PANEL_BYTES;
    let done = 0;
    if (columns == PANEL && columnStride == 4) {
      for (; done < taps; done++) {
        const row = from + <usize>done * tapStride;
        v128.store(to + <usize>done * tapBytes, v128.load(row));
        v128.store(to + <usize>done * tapBytes, v128.load(row, 16), 16);
      }
    } else if (columns == PANEL && tapStride == 4) {
      for (; done + 4 <= taps; done += 4) {
        const at = from + (<usize>done << 2);
        transpose(at, columnStride, to + <usize>done * tapBytes, tapBytes);
        transpose(at + 4 * columnStride, columnStride, to + <usize>done * tapBytes + 16, tapBytes);
      }
    } else if (columns == PANEL && tapStride == -4) {
      for (; done + 4 <= taps; done += 4) {
        const at = from - (<usize>(done + 3) << 2);
        const last = to + <usize>(done + 3) * tapBytes;
        transpose(at, columnStride, last, -tapBytes);
        transpose(at + 4 * columnStride, columnStride, last + 16, -tapBytes);
      }
    }
    for (; done < taps; done++) {
      packRow(from + <usize>done * tapStride, columns, columnStride, to + <usize>done * tapBytes);
    }
  }
}

// @ts-ignore: decorator
@inline
function packRow(from: usize, columns: i32, columnStride: usize, to: usize): void {
  for (let column = 0; column < PANEL; column++) {
    const value: f32 = column < columns ? load<f32>(from + <usize>column * columnStride) : 0;
    store<f32>(to + (<usize>column << 2), value);
  }
}

/** Four rows of four floats, `fromStride` apart, become four columns in rows `toStride` apart. */
// @ts-ignore: decorator
@inline
export function transpose(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const row0 = v128.load(from);
  const row1 = v128.load(from + fromStride);
  const row2 = v128.load(from + 2 * fromStride);
  const row3 = v128.load(from + 3 * fromStride);
  const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to + toStride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(to + 2 * toStride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(to + 3 * toStride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}
