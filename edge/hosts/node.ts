/**
 * The service on Node, as a program.
 *
 * @module
 */
import "../../src/older_engines.ts";
import type { IncomingMessage } from "node:http";
import { WebSocketServer } from "ws";
import type { Host } from "../host.ts";
import { type SocketListener, subprotocolOf } from "../web_socket.ts";
import { filesBeside } from "./_node_files.ts";
import { listenOnNode, type UpgradeConnection } from "./_node_http.ts";
import { NODE_PROCESS, nodeVariable } from "./_node_process.ts";
import { nodeThreads } from "./_node_threads.ts";

/**
 * This host.
 *
 * @param code `import.meta.url` of the module that holds the service.
 */
export function hostOf(code: string): Host {
  return {
    name: "Node",
    files: (folder) => filesBeside(folder, code),
    variable: nodeVariable,
    threads: nodeThreads(code),
    upgradeWebSocket,
    program: {
      ...NODE_PROCESS,
      listen: (fetch, address) => listenOnNode(fetch, address, CONNECTIONS),
    },
  };
}

/** Requests that ask for a WebSocket, until they have it. */
const CONNECTIONS = new WeakMap<Request, UpgradeConnection>();

/** A client that does not answer a ping within this time has gone, in milliseconds. */
const PING_MS = 30_000;

/** Messages may be this long before they are looked at; the service has a limit of its own. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;

/** What is used of the sockets of `ws`. */
interface Socket {
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code: number, reason: string): void;
  ping(): void;
  terminate(): void;
  on(event: "message", called: (data: Uint8Array, isBinary: boolean) => void): void;
  on(event: "close" | "pong", called: () => void): void;
  on(event: "error", called: (error: Error) => void): void;
}

const SERVER = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: MAX_MESSAGE_BYTES,
  handleProtocols: (_: unknown, { headers }: IncomingMessage) =>
    subprotocolOf(headers["sec-websocket-protocol"]) ?? false,
});

function upgradeWebSocket(request: Request, listener: SocketListener): Response {
  const connection = CONNECTIONS.get(request);
  if (!connection) throw new TypeError("Cannot make a WebSocket: expected an upgrade");
  CONNECTIONS.delete(request);
  const { message, socket, head } = connection;
  let isOpen = false;
  SERVER.handleUpgrade(message, socket, head, (client: Socket) => {
    isOpen = true;
    connect(client, listener);
  });
  // A handshake that is none was answered by then.
  if (!isOpen) listener.closed();
  return switched();
}

function connect(client: Socket, listener: SocketListener): void {
  let answers = true;
  const pings = setInterval(() => {
    if (!answers) return client.terminate();
    answers = false;
    client.ping();
  }, PING_MS);
  client.on("pong", () => answers = true);
  client.on("error", () => client.terminate());
  client.on("close", () => {
    clearInterval(pings);
    listener.closed();
  });
  client.on("message", (data, isBinary) => {
    listener.message(isBinary ? new Uint8Array(data) : new TextDecoder().decode(data));
  });
  listener.opened({
    get bufferedBytes() {
      return client.bufferedAmount;
    },
    send: (text) => client.send(text),
    close: (code, reason) => client.close(code, reason),
  });
}

/** Nobody sends it; it is counted. Node makes no answer with this status. */
function switched(): Response {
  return Object.defineProperty(new Response(null), "status", { value: 101 });
}
