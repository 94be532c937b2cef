/**
 * The other end of `/stream`: a socket that needs no network, and a client of a service that runs.
 *
 * @module
 */
import { type App, type AppOptions, createApp, type ServedClassifier } from "../../edge/mod.ts";
import type { SocketListener } from "../../edge/web_socket.ts";

/** A message of the service. */
export type Message = Record<string, unknown> & { type: string };

/** How a stream was ended. */
export interface Closing {
  code: number;
  reason: string;
}

/** Messages as they come, and the closing. */
class Inbox {
  readonly all: Message[] = [];
  readonly #closing = Promise.withResolvers<Closing>();
  #waiting: { type: string; resolve: (message: Message) => void }[] = [];

  get closing(): Promise<Closing> {
    return this.#closing.promise;
  }

  receive(text: string): void {
    const message: Message = JSON.parse(text);
    this.all.push(message);
    const [met, others] = [true, false].map((is) =>
      this.#waiting.filter(({ type }) => (type === message.type) === is)
    );
    this.#waiting = others!;
    for (const { resolve } of met!) resolve(message);
  }

  close(closing: Closing): void {
    this.#closing.resolve(closing);
  }

  /** The messages of a type so far, without it. */
  of(type: string): Record<string, unknown>[] {
    return this.all.filter((message) => message.type === type).map(({ type: _, ...rest }) => rest);
  }

  /** The next message of a type. */
  next(type: string): Promise<Message> {
    return new Promise((resolve) => this.#waiting.push({ type, resolve }));
  }
}

/** A stream without a network. */
export interface LocalStream {
  inbox: Inbox;
  listener: SocketListener;
  /** What the socket says has not left yet. */
  unreadBytes: number;
}

/** An application, and its streams in the order in which they are opened. */
export function localStreams(
  classifier: ServedClassifier | (() => Promise<ServedClassifier>),
  options: AppOptions = {},
): { app: App; open: (query?: string) => Promise<LocalStream> } {
  const opened: LocalStream[] = [];
  const app = createApp(classifier, {
    log: () => {},
    ...options,
    upgradeWebSocket: (_request, listener) => {
      const inbox = new Inbox();
      const stream: LocalStream = { inbox, listener, unreadBytes: 0 };
      opened.push(stream);
      listener.opened({
        get bufferedBytes() {
          return stream.unreadBytes;
        },
        send: (text) => inbox.receive(text),
        close: (code, reason) => {
          inbox.close({ code, reason });
          queueMicrotask(() => listener.closed());
        },
      });
      return new Response();
    },
  });
  const open = async (query = "") => {
    const headers = { upgrade: "websocket" };
    const response = await app.fetch(new Request(`http://localhost/stream${query}`, { headers }));
    if (response.status !== 200) throw new RangeError(`status ${response.status}`);
    return opened.at(-1)!;
  };
  return { app, open };
}

/** A client of a service that runs. */
export class StreamClient {
  readonly inbox: Inbox = new Inbox();
  readonly socket: WebSocket;

  /** @param url the service's, with a slash at the end. */
  constructor(url: string, query = "", protocols: string[] = []) {
    this.socket = new WebSocket(`${url.replace(/^http/, "ws")}stream${query}`, protocols);
    this.socket.onmessage = ({ data }) => this.inbox.receive(data);
    this.socket.onclose = ({ code, reason }) => this.inbox.close({ code, reason });
  }

  /** Resolves when the service is ready; rejects where the handshake is refused. */
  ready(): Promise<Message> {
    const refused = this.inbox.closing.then(({ code, reason }) => {
      throw new RangeError(`closed with ${code} ${reason}`);
    });
    return Promise.race([this.inbox.next("ready"), refused]);
  }

  send(data: Uint8Array<ArrayBuffer> | Record<string, unknown>): void {
    this.socket.send(data instanceof Uint8Array ? data : JSON.stringify(data));
  }
}
