/**
 * The server beside the loopback hub that keeps large files, and takes no tokens: addresses to it are signed.
 *
 * @module
 */
import type { HubState } from "./hub.ts";
import { fileResponse, Refusal } from "./_responses.ts";
import { sha256Of } from "./store.ts";

/** Gives `objects/<sha256>`, takes `uploads/<sha256>` and `uploads/<sha256>/<part>`. */
export async function storageRoute(state: HubState, request: Request): Promise<Response> {
  if (request.headers.has("Authorization")) {
    throw new Refusal(400, "Only one auth mechanism allowed");
  }
  const [, kind, sha256 = "", part] = new URL(request.url).pathname.split("/");
  if (request.method === "PUT" && kind === "uploads") {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const headers = { ETag: `"${sha256Of(bytes)}"` };
    if (part !== undefined) state.parts.set(`${sha256}/${part}`, bytes);
    else if (sha256Of(bytes) !== sha256) throw new Refusal(400, "BadDigest");
    else state.objects.set(sha256, bytes);
    return new Response(null, { headers });
  }
  const bytes = state.objects.get(sha256);
  if (kind !== "objects" || !bytes) throw new Refusal(404, "NoSuchKey");
  // The storage numbers its objects in a way of its own.
  return fileResponse(request, bytes, `storage-${sha256.slice(0, 16)}`);
}
