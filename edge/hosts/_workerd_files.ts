/**
 * Files of a bundle on Cloudflare Workers: parts of the script, or in a bucket, a namespace or at an address.
 *
 * What is not a part of the script is compared with the hash that the bundle was made with before it is used.
 *
 * @module
 */
import { CheckpointError } from "../../src/errors.ts";
import { type ByteSource, bytesSource, type FileReader } from "../../src/weights/byte_source.ts";
import { type BundledFile, env, files } from "./_workerd_modules.ts";

/** The binding of a bucket (R2) or a namespace (KV) that holds files, by their paths in the bundle. */
const BINDING = "EARSHOT_FILES";
/** The address that holds them, with a slash at the end. */
const ADDRESS = "EARSHOT_FILES_URL";

/** What is used of both. */
interface Store {
  /** A bucket has it, a namespace does not. */
  head?: unknown;
  get(name: string, type?: "arrayBuffer"): Promise<ArrayBuffer | Body | null>;
}

/** The files of a folder of the bundle. */
export function scriptFiles(folder: string): FileReader {
  const prefix = folder === "." ? "" : `${folder}/`;
  return { name: folder, open: (name) => openFile(prefix + name) };
}

async function openFile(name: string): Promise<ByteSource | undefined> {
  const file = files.find((file) => file.name === name);
  if (!file) return undefined;
  return bytesSource(name, new Uint8Array(file.bytes ?? await fetchWhole(file)));
}

/** The bytes of a file from outside, which are those that the bundle was made with. */
async function fetchWhole({ name, sizeBytes, sha256 }: BundledFile): Promise<ArrayBuffer> {
  const bytes = await fetchBytes(name);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found === sha256) return bytes;
  throw new CheckpointError(
    `Cannot use "${name}": expected ${sizeBytes} bytes of SHA-256 ${sha256}, found ${bytes.byteLength} of ${found}`,
    { file: name },
  );
}

async function fetchBytes(name: string): Promise<ArrayBuffer> {
  const store = env[BINDING] as Store | undefined;
  const address = env[ADDRESS];
  if (store) {
    const found = store.head ? await store.get(name) : await store.get(name, "arrayBuffer");
    if (found) return found instanceof ArrayBuffer ? found : await found.arrayBuffer();
  } else if (typeof address === "string") {
    const response = await fetch(new URL(name, address));
    if (response.ok) return await response.arrayBuffer();
    await response.body?.cancel();
  }
  const place = store ? `binding ${BINDING}` : `variable ${ADDRESS} or binding ${BINDING}`;
  throw new CheckpointError(`Cannot fetch "${name}": expected it by ${place}, found nothing`, {
    file: name,
  });
}
