/**
 * Node's HTTP server in front of a `fetch` handler.
 *
 * Bodies are read no faster than they are asked for, and answers are written no faster than they are taken. Headers have
 * a deadline, bodies have that of the application.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Address, ClientFacts, Fetch, Listening } from "../host.ts";

/** Time for the headers of a request, in milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than proxies keep a connection to send the next request by (nginx 60 s), in milliseconds. */
const KEEP_ALIVE_MS = 75_000;
/** How often it is looked at, in milliseconds. */
const CHECK_MS = 2_000;
/** How long a client that was answered too early may go on sending, in milliseconds. */
const LINGER_MS = 1_000;

/** A connection that may become a WebSocket. */
export interface UpgradeConnection {
  message: IncomingMessage;
  socket: Duplex;
  /** What came behind the headers. */
  head: Uint8Array;
}

/**
 * Listens, and answers requests.
 *
 * @param connections where upgrades find what belongs to a request; those that they took are deleted from it.
 * @throws {Error} of Node, where the address cannot be had.
 */
export async function listenOnNode(
  fetch: Fetch,
  address: Address,
  connections: WeakMap<Request, UpgradeConnection>,
): Promise<Listening> {
  let isEnding = false;
  const server = createServer({
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_MS,
  });
  server.on("request", (message: IncomingMessage, response: ServerResponse) => {
    if (isEnding) response.shouldKeepAlive = false;
    answer(fetch, message, response).catch(() => message.destroy());
  });
  server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    upgrade(fetch, { message, socket, head }, connections).catch(() => socket.destroy());
  });
  await listening(server, address);
  const { address: hostname, port } = server.address() as { address: string; port: number };
  return {
    url: `http://${hostname}:${port}/`,
    shutdown: () => {
      isEnding = true;
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(
  server: Server,
  { hostname = "0.0.0.0", port = 8000 }: Address,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
}

async function answer(
  fetch: Fetch,
  message: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const request = requestOf(message, gone.signal);
  const response = request ? await fetch(request, clientOf(message)) : badRequest(message);
  outgoing.writeHead(response.status, [...response.headers].flat());
  await send(response.body, outgoing).catch(() => outgoing.destroy());
  if (message.complete) return;
  // What is still sent is not looked at; a connection that is cut off at once may lose the answer.
  message.resume();
  setTimeout(() => message.complete || message.destroy(), LINGER_MS).unref();
}

/** The request of the web; undefined where its address is none, or its method cannot be one. */
function requestOf(message: IncomingMessage, signal?: AbortSignal): Request | undefined {
  const { method = "GET", url = "/", headers: { host = "localhost" } } = message;
  const headers = new Headers();
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!);
  }
  const address = url.startsWith("/") ? `http://${host}${url}` : url;
  try {
    const body = method === "GET" || method === "HEAD" ? undefined : bodyOf(message);
    // What streams has to say so; the type of Deno does not know it.
    return new Request(address, { method, headers, body, signal, duplex: "half" } as RequestInit);
  } catch {
    return undefined;
  }
}

/** What comes in, a piece for each that is asked for. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = message.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    async cancel() {
      await pieces.return?.();
    },
  }, { highWaterMark: 0 });
}

/** Writes a body, as fast as it is taken. */
async function send(body: ReadableStream<Uint8Array> | null, outgoing: ServerResponse) {
  const reader = body?.getReader();
  outgoing.on("close", () => reader?.cancel().catch(() => {}));
  for (;;) {
    const step = await reader?.read();
    if (step === undefined || step.done) break;
    if (outgoing.write(step.value)) continue;
    await new Promise<void>((resolve) => {
      outgoing.once("drain", resolve);
      outgoing.once("close", resolve);
    });
  }
  await new Promise<void>((resolve) => outgoing.end(resolve));
}

/** Node has given the connection away already: what is no WebSocket is answered by hand. */
function clientOf({ socket }: IncomingMessage): ClientFacts {
  return { remoteAddr: { hostname: socket.remoteAddress } };
}

async function upgrade(
  fetch: Fetch,
  connection: UpgradeConnection,
  connections: WeakMap<Request, UpgradeConnection>,
): Promise<void> {
  const { message, socket } = connection;
  socket.on("error", () => socket.destroy());
  const request = requestOf(message);
  if (request) connections.set(request, connection);
  const response = request ? await fetch(request, clientOf(message)) : badRequest(message);
  if (request && !connections.has(request)) return;
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  headers.set("Connection", "close");
  headers.set("Content-Length", String(body.length));
  const lines = Array.from(headers, ([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`HTTP/1.1 ${response.status} ${response.status}\r\n${lines}\r\n`);
  socket.end(body);
}

/** The path or the host is none; what else there is of a request Node has looked at. */
function badRequest({ url = "/" }: IncomingMessage): Response {
  const error = url.startsWith("/") && URL.canParse(`http://localhost${url}`)
    ? "Cannot read the header Host: expected a host's name"
    : "Cannot read the request: expected the method and path of an HTTP request";
  return Response.json({ error }, { status: 400 });
}
