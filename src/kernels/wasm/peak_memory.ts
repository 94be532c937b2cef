/**
 * What tensors took at most, or would take, for those who have to keep within a limit.
 *
 * It stands apart from the device, whose bundle it can be in.
 *
 * @module
 */
export { type MemoryPlan, planMemory, takePeakBytes } from "./_device.ts";
