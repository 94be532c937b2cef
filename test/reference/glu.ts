/**
 * Plain gated linear unit: the first half of the channels times the sigmoid of the second.
 *
 * Reference of `glu` and `gluGrad`.
 *
 * @module
 */
import { sigmoid } from "./activation.ts";
import { type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `x [..., 2 C]` -> `[..., C]` */
export function glu({ x }: { x: NdArray }): NdArray {
  const y = zeros([...x.shape.slice(0, -1), x.shape.at(-1)! / 2]);
  forEachGate(y, (at, valueAt, gateAt) => {
    y.values[at] = x.values[valueAt]! * sigmoid(x.values[gateAt]!);
  });
  return y;
}

/** `x [..., 2 C]`, `dy [..., C]` -> `dx` */
export function gluGrad({ x, dy }: { x: NdArray; dy: NdArray }): NdArray {
  const dx = zeros(x.shape);
  forEachGate(dy, (at, valueAt, gateAt) => {
    const open = sigmoid(x.values[gateAt]!);
    dx.values[valueAt] = dy.values[at]! * open;
    dx.values[gateAt] = dy.values[at]! * x.values[valueAt]! * open * (1 - open);
  });
  return dx;
}

/** Flat positions: of an element of `y`, of its value and of its gate in `x`. */
function forEachGate(
  y: NdArray,
  visit: (at: number, valueAt: number, gateAt: number) => void,
): void {
  const { rows, columns } = rowsOf(y);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) {
      const valueAt = 2 * row * columns + c;
      visit(row * columns + c, valueAt, valueAt + columns);
    }
  }
}
