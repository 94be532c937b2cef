/**
 * Models as they are served: packed weights in a directory of their own.
 *
 * @module
 */
export { exportModel, type ExportOptions, type ExportReport } from "./export_model.ts";
export { exportC, type ExportCOptions, type ExportCReport } from "./export_c.ts";
export {
  exportOnnx,
  type ExportOnnxOptions,
  type ExportOnnxReport,
  type OnnxDtype,
} from "./export_onnx.ts";
export { exportHead, type ExportHeadOptions, type ExportHeadReport } from "./export_head.ts";
export type { BackboneFacts } from "../heads/backbone.ts";
export { type CalibrationReport, MAX_CLIPS } from "./_calibrated.ts";
export type { LayerTrial, SetComparison } from "./_precision.ts";
export type { PackedDtype } from "../weights/packed.ts";
