/**
 * Bytes of the web, counted while they come and held to the hash that they should have.
 *
 * @module
 */
import { FileError, UnsupportedOpError } from "../errors.ts";

/** What a file should be; nothing of it has to be known. */
export interface ExpectedFile {
  /** Bytes. */
  sizeBytes?: number;
  /** Of the content, 64 hexadecimal digits. */
  sha256?: string;
  /** Of the content as git stores it, 40 hexadecimal digits. */
  gitSha1?: string;
}

/** Whether bytes are what they should be; nothing is known to be wrong with what no hash is known of. */
export async function isExpected(
  bytes: Uint8Array<ArrayBuffer>,
  { sizeBytes, sha256, gitSha1 }: ExpectedFile,
): Promise<boolean> {
  if (sizeBytes !== undefined && bytes.length !== sizeBytes) return false;
  if (sha256 !== undefined) return await digest("SHA-256", bytes) === sha256.toLowerCase();
  if (gitSha1 === undefined) return true;
  const header = new TextEncoder().encode(`blob ${bytes.length}\0`);
  return await digest("SHA-1", joined([header, bytes])) === gitSha1;
}

async function digest(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    throw new UnsupportedOpError(
      "Cannot check a model's hash: expected a page over https or from localhost, found another",
    );
  }
  const hash = new Uint8Array(await crypto.subtle.digest(name, bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The body of an answer.
 *
 * @throws {FileError} where it ends before all is there.
 */
export async function readBody(
  response: Response,
  { file, onBytes, signal }: {
    file: string;
    onBytes?: (loadedBytes: number, totalBytes?: number) => void;
    signal?: AbortSignal;
  },
): Promise<Uint8Array<ArrayBuffer>> {
  // What is sent compressed is longer than its header says.
  const isPlain = !response.headers.get("content-encoding");
  const stated = Number(response.headers.get("content-length") ?? NaN);
  const total = isPlain && stated >= 0 ? stated : undefined;
  const pieces: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      pieces.push(next.value);
      loaded += next.value.length;
      onBytes?.(loaded, total);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new FileError(`Cannot read "${file}": its transfer broke off`, { file, cause });
  }
  if (total !== undefined && loaded !== total) {
    const found = `expected ${total} bytes, found ${loaded}`;
    throw new FileError(`Cannot read "${file}": ${found}`, { file });
  }
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
