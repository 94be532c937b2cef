/**
 * The WebGPU device: importing this module registers its kernels, {@linkcode startWebgpu} puts it to use.
 *
 * @module
 */
export {
  type AdapterDescription,
  describeAdapter,
  startWebgpu,
  type WebgpuDevice,
  type WebgpuOptions,
} from "./device.ts";
