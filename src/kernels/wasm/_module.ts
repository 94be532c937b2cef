/**
 * The compiled kernels: which of the two builds to take, and for which kind of memory.
 *
 * A module says in its memory import whether the memory is shared with other threads. That is one
 * byte, and nothing else in our builds depends on it, so it is set here instead of in twice as many builds.
 *
 * @module
 */
import { UnsupportedOpError } from "../../errors.ts";

/** Limits of a memory with a maximum, in its import: for one thread, or shared by several. */
const LIMITS_FLAG = { unshared: 0x01, shared: 0x03 } as const;
/** `env`, `memory` and the kind of import, as they stand before the limits. */
const MEMORY_IMPORT = "\x03env\x06memory\x02";
/** A module with one relaxed multiply-add, or with one plain SIMD instruction, to validate. */
const PROBE_HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
const ZERO = [0x41, 0, 0xfd, 15];
const RELAXED_PROBE = [10, 20, 1, 18, 0, ...ZERO, ...ZERO, ...ZERO, 0xfd, 0x85, 2, 0x1a, 11];
const SIMD_PROBE = [10, 9, 1, 7, 0, ...ZERO, 0x1a, 11];

/** Whether this engine compiles relaxed SIMD. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(new Uint8Array([...PROBE_HEADER, ...RELAXED_PROBE]));
}

/** Whether this engine compiles SIMD at all. */
export function hasSimd(): boolean {
  return WebAssembly.validate(new Uint8Array([...PROBE_HEADER, ...SIMD_PROBE]));
}

/**
 * Compiles the build that is asked for.
 *
 * @throws {UnsupportedOpError} when this engine has no SIMD.
 */
export async function compileKernels(
  options: { relaxedSimd: boolean; shared: boolean },
): Promise<WebAssembly.Module> {
  if (!hasSimd()) {
    throw new UnsupportedOpError(
      "Cannot start the WASM device: expected an engine with SIMD, found one without",
    );
  }
  // In a browser the other of the two stays where it is.
  const { BINARY } = options.relaxedSimd
    ? await import("./_relaxed_simd_binary.ts")
    : await import("./_simd_binary.ts");
  const bytes = await inflated(BINARY);
  // In this encoding each byte is a character.
  const text = new TextDecoder("latin1").decode(bytes);
  const flagAt = text.indexOf(MEMORY_IMPORT) + MEMORY_IMPORT.length;
  bytes[flagAt] = options.shared ? LIMITS_FLAG.shared : LIMITS_FLAG.unshared;
  return await WebAssembly.compile(bytes);
}

/**
 * Kernels lie deflated, which is half of what a page loads: base64 of them as they are does not compress well.
 *
 * A service starts with this, and its code runs for the first time: a reader takes a third of what `Blob` and
 * `Response` take then.
 */
async function inflated(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = writer.write(bytesOf(base64)).then(() => writer.close());
  const reader = readable.getReader();
  let bytes = new Uint8Array(0);
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const longer = new Uint8Array(bytes.length + piece.value.length);
    longer.set(bytes);
    longer.set(piece.value, bytes.length);
    bytes = longer;
  }
  await written;
  return bytes;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  // Engines before 2025 have it not.
  const { fromBase64 } = Uint8Array as { fromBase64?(base64: string): Uint8Array<ArrayBuffer> };
  if (fromBase64) return fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
