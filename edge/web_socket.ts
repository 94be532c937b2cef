/**
 * What the application needs of a WebSocket, so that it works on every host that has them.
 *
 * Hosts differ in how a request becomes a WebSocket; {@linkcode upgradeOnDeno} is how Deno does it. A host without
 * them serves everything else.
 *
 * @module
 */

/** An open WebSocket, as the application uses it. */
export interface ServerSocket {
  /** Bytes that were sent and have not left yet; 0 where the host does not tell. */
  readonly bufferedBytes: number;
  /** Sends a text message. */
  send(text: string): void;
  /** Ends the connection with a code of RFC 6455 and a reason of at most 123 bytes. */
  close(code: number, reason: string): void;
}

/** Gets what comes in, each in turn. */
export interface SocketListener {
  /** The connection is open. */
  opened(socket: ServerSocket): void;
  /** A message: text, or bytes that the listener may keep. */
  message(data: string | Uint8Array): void;
  /** The connection is gone, whoever ended it, or it never came about. */
  closed(): void;
}

/**
 * Makes a WebSocket of a request that asks for one.
 *
 * @param request has `Upgrade: websocket`.
 * @param listener is told when the connection is open, what comes, and when it has gone.
 * @returns the answer that accepts the connection.
 */
export type UpgradeWebSocket = (
  request: Request,
  listener: SocketListener,
) => Response | Promise<Response>;

/** What a client may call the messages of `/stream`; whoever offers something has to be answered with some of it. */
const PROTOCOL = "earshot";

/** The subprotocol to answer with; undefined where the client offers none that is known. */
export function subprotocolOf(offered?: string | null): string | undefined {
  return subprotocolsIn(offered).includes(PROTOCOL) ? PROTOCOL : undefined;
}

/** The subprotocols in the header `Sec-WebSocket-Protocol`. */
export function subprotocolsIn(offered?: string | null): string[] {
  return (offered ?? "").split(",").map((text) => text.trim());
}

/** A client that does not answer a ping within this time has gone. */
const IDLE_SECONDS = 30;

/**
 * The WebSockets of Deno and Deno Deploy.
 *
 * @param request has `Upgrade: websocket`.
 * @param listener is told when the connection is open, what comes, and when it has gone.
 * @returns the answer that accepts the connection.
 * @throws {TypeError} where the request is no proper handshake.
 *
 * @example
 * ```ts
 * import { createApp, upgradeOnDeno } from "@earshot/earshot/edge";
 * import { pipeline } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const source = () => pipeline("audio-classification", "models/voice_menu");
 * const app = createApp(source, { upgradeWebSocket: upgradeOnDeno });
 * // A browser's handshake becomes a WebSocket; a plain request is told what is missing.
 * equal((await app.fetch(new Request("http://localhost/stream"))).status, 426);
 * ```
 */
export function upgradeOnDeno(request: Request, listener: SocketListener): Response {
  const { socket, response } = Deno.upgradeWebSocket(request, {
    idleTimeout: IDLE_SECONDS,
    protocol: subprotocolOf(request.headers.get("sec-websocket-protocol")),
  });
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    listener.opened({
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
    });
  };
  socket.onmessage = ({ data }) => {
    listener.message(typeof data === "string" ? data : new Uint8Array(data));
  };
  socket.onclose = () => listener.closed();
  return response;
}
