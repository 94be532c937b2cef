/**
 * What a script of Cloudflare Workers gets as modules of their own, since nothing there is compiled or read while it
 * runs. The build has the real ones; this stands for their types.
 *
 * @module
 */

/** A file of the bundle. */
export interface BundledFile {
  /** Its path, such as `model/config.json`. */
  name: string;
  sizeBytes: number;
  /** SHA-256, in hexadecimal digits. */
  sha256: string;
  /** Its bytes, where it is a part of the script; else it is fetched, and its hash compared. */
  bytes?: ArrayBuffer;
}

/** The kernels. */
export declare const kernels: WebAssembly.Module;
/** The files of the model and its heads. */
export declare const files: readonly BundledFile[];
/** Bindings and variables. */
export declare const env: Readonly<Record<string, unknown>>;
