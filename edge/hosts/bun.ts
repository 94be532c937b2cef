/**
 * The service on Bun, as a program.
 *
 * @module
 */
import "../../src/older_engines.ts";
import type { Address, Fetch, Host, HostProgram, Listening } from "../host.ts";
import { type SocketListener, subprotocolOf } from "../web_socket.ts";
import { filesBeside } from "./_node_files.ts";
import { NODE_PROCESS, nodeVariable } from "./_node_process.ts";
import { nodeThreads } from "./_node_threads.ts";

/**
 * This host.
 *
 * @param code `import.meta.url` of the module that holds the service.
 */
export function hostOf(code: string): Host {
  return {
    name: "Bun",
    files: (folder) => filesBeside(folder, code),
    variable: nodeVariable,
    // Bun would serve the default export of `server.js` in each thread that begins with it.
    threads: nodeThreads(new URL("./main.js", code).href),
    upgradeWebSocket,
    program: PROGRAM,
  };
}

/** What is used of Bun's server. */
interface BunServer {
  readonly hostname: string;
  readonly port: number;
  upgrade(
    request: Request,
    options: { data: SocketListener; headers?: Record<string, string> },
  ): boolean;
  requestIP(request: Request): { readonly address: string } | null;
  stop(): Promise<void>;
}

/** What is used of its sockets. */
interface BunSocket {
  readonly data: SocketListener;
  getBufferedAmount(): number;
  send(text: string): number;
  close(code: number, reason: string): void;
}

type Answer = (request: Request, server: BunServer) => Promise<Response | undefined>;

interface Bun {
  serve(
    options: Address & {
      fetch: Answer;
      idleTimeout: number;
      maxRequestBodySize: number;
      websocket: {
        idleTimeout: number;
        maxPayloadLength: number;
        open(socket: BunSocket): void;
        message(socket: BunSocket, data: string | Uint8Array): void;
        close(socket: BunSocket): void;
      };
    },
  ): BunServer;
}

/** The longest that there is, in seconds: an answer may take minutes. */
const IDLE_SECONDS = 255;
/** A client that does not answer a ping within this time has gone. */
const SOCKET_IDLE_SECONDS = 30;
/** The service has a limit of its own. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;

const PROGRAM: HostProgram = { ...NODE_PROCESS, listen };

/** The header in which subprotocols are offered and chosen. */
const PROTOCOLS = "sec-websocket-protocol";

let server: BunServer | undefined;
/** Requests that have become WebSockets, to which no answer is sent. */
const upgraded = new WeakSet<Request>();

function listen(fetch: Fetch, address: Address): Promise<Listening> {
  const { Bun } = globalThis as unknown as { Bun: Bun };
  const { hostname = "0.0.0.0", port = 8000 } = address;
  const running = Bun.serve({
    hostname,
    port,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: async (request, server) => {
      const hostname = server.requestIP(request)?.address;
      const response = await fetch(request, { remoteAddr: { hostname } });
      return upgraded.has(request) ? undefined : response;
    },
    websocket: {
      idleTimeout: SOCKET_IDLE_SECONDS,
      maxPayloadLength: MAX_MESSAGE_BYTES,
      open: (socket) => socket.data.opened(socketOf(socket)),
      message: ({ data: listener }, data) => {
        listener.message(typeof data === "string" ? data : new Uint8Array(data));
      },
      close: ({ data: listener }) => listener.closed(),
    },
  });
  server = running;
  const url = `http://${running.hostname}:${running.port}/`;
  return Promise.resolve({ url, shutdown: () => running.stop() });
}

function upgradeWebSocket(request: Request, listener: SocketListener): Response {
  const protocol = subprotocolOf(request.headers.get(PROTOCOLS));
  const headers = protocol === undefined ? undefined : { [PROTOCOLS]: protocol };
  if (!server?.upgrade(request, { data: listener, headers })) {
    throw new TypeError("Cannot make a WebSocket: expected a handshake");
  }
  upgraded.add(request);
  return new Response(null, { status: 101 });
}

function socketOf(socket: BunSocket) {
  return {
    get bufferedBytes() {
      return socket.getBufferedAmount();
    },
    send: (text: string) => void socket.send(text),
    close: (code: number, reason: string) => socket.close(code, reason),
  };
}
