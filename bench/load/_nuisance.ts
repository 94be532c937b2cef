/**
 * Clients that keep connections and give nothing: slow bodies, idle connections, half-sent headers, uploads that break
 * off.
 *
 * @module
 */
import { pause } from "./_observer.ts";

/** How many of each. */
export interface Nuisance {
  slowBodies: number;
  idleConnections: number;
  halfHeaders: number;
  abortedUploads: number;
}

/** A byte of a slow body now and then. */
const SLOW_MS = 500;

/** Keeps all of them going until it is ended. */
export class NuisanceClients {
  readonly #hostname: string;
  readonly #port: number;
  readonly #open = new Set<Deno.Conn>();
  readonly #work: Promise<void>[] = [];
  #isEnding = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#hostname = hostname;
    this.#port = Number(port);
  }

  /** Opens them. */
  async start({ slowBodies, idleConnections, halfHeaders, abortedUploads }: Nuisance) {
    for (let i = 0; i < idleConnections; i++) await this.#connect("");
    for (let i = 0; i < halfHeaders; i++) {
      await this.#connect("POST / HTTP/1.1\r\nHost: a\r\nX-Half: ");
    }
    const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    for (let i = 0; i < slowBodies; i++) {
      const connection = await this.#connect(upload);
      if (connection) this.#work.push(this.#drip(connection));
    }
    for (let i = 0; i < abortedUploads; i++) this.#work.push(this.#abort(upload));
  }

  /** How many are still connected. */
  get count(): number {
    return this.#open.size;
  }

  /** Leaves. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#work);
    for (const connection of this.#open) closed(connection);
    this.#open.clear();
  }

  async #connect(text: string): Promise<Deno.Conn | undefined> {
    const { hostname, port } = { hostname: this.#hostname, port: this.#port };
    const connection = await Deno.connect({ hostname, port }).catch(() => undefined);
    if (!connection) return undefined;
    this.#open.add(connection);
    await connection.write(new TextEncoder().encode(text)).catch(() => this.#drop(connection));
    return connection;
  }

  async #drip(connection: Deno.Conn): Promise<void> {
    while (!this.#isEnding && this.#open.has(connection)) {
      await connection.write(Uint8Array.of(0)).catch(() => this.#drop(connection));
      await pause(SLOW_MS);
    }
  }

  async #abort(upload: string): Promise<void> {
    while (!this.#isEnding) {
      const connection = await this.#connect(upload);
      if (!connection) return;
      await connection.write(new Uint8Array(10_000)).catch(() => {});
      await pause(SLOW_MS);
      this.#drop(connection);
    }
  }

  #drop(connection: Deno.Conn): void {
    this.#open.delete(connection);
    closed(connection);
  }
}

function closed(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The other side was first.
  }
}
