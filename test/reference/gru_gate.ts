/**
 * Plain gate of a recurrent unit: `u (r factor[h] - 1) + 2` with two sigmoids `u` and `r`.
 *
 * Reference of `gruGate` and `gruGateGrad`.
 *
 * @module
 */
import { type NdArray, rowsOf, zeros } from "./nd_array.ts";

/** `x [..., H, 2 G]`, `factor [H]` -> `[..., H]` */
export function gruGate({ x, factor }: { x: NdArray; factor: NdArray }): NdArray {
  const y = zeros(x.shape.slice(0, -1));
  y.values.forEach((_, row) => {
    const { update, reset } = gatesOf(x, row);
    const own = factor.values[row % factor.values.length]!;
    y.values[row] = update * (reset * own - 1) + 2;
  });
  return y;
}

/** `x`, `factor`, `dy [..., H]` -> `dx`, `dfactor` */
export function gruGateGrad(
  { x, factor, dy }: { x: NdArray; factor: NdArray; dy: NdArray },
): [dx: NdArray, dfactor: NdArray] {
  const [dx, dfactor] = [zeros(x.shape), zeros(factor.shape)];
  const { columns } = rowsOf(x);
  dy.values.forEach((slope, row) => {
    const { update, reset } = gatesOf(x, row);
    const head = row % factor.values.length;
    const own = factor.values[head]!;
    const start = row * columns;
    const middle = start + columns / 2;
    dx.values.fill(slope * (reset * own - 1) * update * (1 - update), start, middle);
    dx.values.fill(slope * update * own * reset * (1 - reset), middle, start + columns);
    dfactor.values[head]! += slope * update * reset;
  });
  return [dx, dfactor];
}

function gatesOf(x: NdArray, row: number): { update: number; reset: number } {
  const { columns } = rowsOf(x);
  const gate = (half: number): number => {
    const start = row * columns + half * columns / 2;
    const sum = x.values.subarray(start, start + columns / 2).reduce((a, b) => a + b, 0);
    return 1 / (1 + Math.exp(-sum));
  };
  return { update: gate(0), reset: gate(1) };
}
