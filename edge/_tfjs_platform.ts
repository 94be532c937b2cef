/**
 * Tells TensorFlow.js where it runs, where it does not find out itself.
 *
 * Its core knows browsers and Node. The bundle leaves both out, and this, which needs nothing but
 * what every runtime of the web has, serves in their place.
 *
 * @module
 */
import { env } from "@tensorflow/tfjs-core";

if (!env().platform) {
  env().setPlatform("web", {
    fetch: (path, init) => fetch(path, init),
    now: () => performance.now(),
    encode: (text) => new TextEncoder().encode(text),
    decode: (bytes, encoding) => new TextDecoder(encoding).decode(bytes),
    isTypedArray: (value): value is Float32Array | Int32Array | Uint8Array | Uint8ClampedArray =>
      value instanceof Float32Array || value instanceof Int32Array ||
      value instanceof Uint8Array || value instanceof Uint8ClampedArray,
  });
}
