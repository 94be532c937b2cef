/**
 * The package of onnxruntime-web that Earshot is measured against.
 *
 * @module
 */

/** Name and version, as `deno cache` takes them. */
export const PACKAGE: string = "npm:onnxruntime-web@1.30.0";
