/**
 * The packages that Earshot is measured against, as `deno cache` takes them.
 *
 * @module
 */

/** Inference of ONNX graphs. */
export const ONNXRUNTIME_WEB: string = "npm:onnxruntime-web@1.30.0";

/** Arrays with gradients, compiled to WASM. */
export const JAX_JS: string = "npm:@jax-js/jax@0.1.25";
