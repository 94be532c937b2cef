/**
 * What tensors took at most, for those who have to keep within a limit.
 *
 * It stands apart from the device, whose bundle it can be in.
 *
 * @module
 */
export { takePeakBytes } from "./_device.ts";
