/**
 * The service on Cloudflare Workers: one thread, 128 MB, no files, and no WebAssembly but what comes with the script.
 *
 * @module
 */
import type { Fetch, Host } from "../host.ts";
import { type SocketListener, subprotocolOf } from "../web_socket.ts";
import { scriptFiles } from "./_workerd_files.ts";
import { env, kernels } from "./_workerd_modules.ts";

/** What an isolate may use. */
const ISOLATE_BYTES = 128 * 2 ** 20;
/** Of the preset `small` in 32 bits, a clip of this length takes 115 MB, and one of 20 s takes 150. */
const MAX_CLIP_SECONDS = 10;

/** This host. */
export function hostOf(): Host {
  return {
    name: "Cloudflare Workers",
    files: scriptFiles,
    variable: (name) => typeof env[name] === "string" ? env[name] : undefined,
    memoryLimitBytes: ISOLATE_BYTES,
    maxClipSeconds: MAX_CLIP_SECONDS,
    upgradeWebSocket,
    kernels,
    entry,
  };
}

/** What a request may go on doing when its client has gone. */
interface RequestContext {
  waitUntil(work: Promise<unknown>): void;
}

/** Work of a client that has gone is finished: the next one in the queue waits for it. */
function entry(
  fetch: Fetch,
): (request: Request, _: unknown, context: unknown) => Promise<Response> {
  return (request, _, context) => {
    // Cloudflare sets it itself, whatever the client has sent; elsewhere workerd should be behind something that does.
    const hostname = request.headers.get("cf-connecting-ip") ?? undefined;
    const answer = fetch(request, { remoteAddr: { hostname } });
    (context as RequestContext).waitUntil(answer.catch(() => {}));
    return answer;
  };
}

/** The header in which subprotocols are offered and chosen. */
const PROTOCOLS = "sec-websocket-protocol";

/** The server's end of a pair. */
interface WorkerSocket extends WebSocket {
  accept(): void;
}

function upgradeWebSocket(request: Request, listener: SocketListener): Response {
  const { WebSocketPair } = globalThis as unknown as {
    WebSocketPair: new () => Readonly<Record<0 | 1, WorkerSocket>>;
  };
  const { 0: client, 1: socket } = new WebSocketPair();
  socket.accept();
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    listener.message(typeof data === "string" ? data : new Uint8Array(data));
  });
  let isOpen = true;
  const closed = () => {
    if (isOpen) listener.closed();
    isOpen = false;
  };
  socket.addEventListener("close", ({ code }) => {
    // A client's closing waits for ours.
    if (isOpen && code !== 1006) socket.close();
    closed();
  });
  socket.addEventListener("error", closed);
  listener.opened({
    bufferedBytes: 0,
    send: (text) => isOpen && socket.send(text),
    close: (code, reason) => {
      socket.close(code, reason);
    },
  });
  const protocol = subprotocolOf(request.headers.get(PROTOCOLS));
  const headers = protocol === undefined ? undefined : { [PROTOCOLS]: protocol };
  return new Response(null, { status: 101, webSocket: client, headers } as ResponseInit);
}
