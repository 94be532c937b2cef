/**
 * Models as programs of others, traced from their forward pass.
 *
 * @module
 */
export { type COptions, type CProgram, cProgram } from "./c.ts";
export { type OnnxFile, onnxFile, type OnnxOptions } from "./onnx.ts";
