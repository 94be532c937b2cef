/**
 * Models as they are served: packed weights in a directory of their own.
 *
 * @module
 */
export { exportModel, type ExportOptions, type ExportReport } from "./export_model.ts";
export { exportHead, type ExportHeadOptions, type ExportHeadReport } from "./export_head.ts";
export type { BackboneFacts } from "../heads/backbone.ts";
export type { LayerTrial, SetComparison } from "./_precision.ts";
export type { PackedDtype } from "../weights/packed.ts";
