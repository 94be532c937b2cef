/**
 * Counts the floating-point operations of whatever runs on the device, from the shapes that its kernels see.
 *
 * Counted are products: linear maps, convolutions, attention and its relative scores, a multiplication and an addition
 * each. Norms, activations and sums are not: they are bound by memory, and a hundredth of the products in any model
 * here. How many an operation takes stands beside it in `operations`.
 *
 * @module
 */
import { observeFlops } from "./kernels.ts";

/**
 * The floating-point operations of the products in a body, which is run once on the device in use.
 *
 * @param body disposes what it makes.
 */
export function countFlops(body: () => void): number {
  let total = 0;
  observeFlops((count) => total += count, body);
  return total;
}
