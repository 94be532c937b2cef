/**
 * What differs between the hosts that a bundle runs on; all else of the service is the same everywhere.
 *
 * Each file of `hosts/` implements it for one of them, and the build puts the one that `bundle --target` names in the
 * place of Deno's. What a host does not have it leaves out: without threads the model is in the service's own, without
 * WebSockets `/stream` gets status 501, without a program the host itself calls `fetch`.
 *
 * @module
 */
import type { FileReader } from "../src/weights/byte_source.ts";
import type { ThreadScope } from "./inference_thread.ts";
import type { StartThread } from "./threaded_classifier.ts";
import type { UpgradeWebSocket } from "./web_socket.ts";

/** A place that the service runs in. */
export interface Host {
  /** As `/healthz` and people call it. */
  readonly name: string;
  /** The files of a folder beside the code, such as `model` or `heads/birds`; "." is the code's own. */
  files(folder: string): FileReader;
  /** A variable of the environment; undefined where there is none, or it may not be read. */
  variable(name: string): string | undefined;
  /** Memory that the host gives the service, in bytes, where it tells or documents it. */
  readonly memoryLimitBytes?: number;
  /** Longest clip that is heard at once, where there is room for less than the service's own. */
  readonly maxClipSeconds?: number;
  /** Threads of inference. */
  readonly threads?: HostThreads;
  /** Makes WebSockets of requests. */
  readonly upgradeWebSocket?: UpgradeWebSocket;
  /** The kernels, where the host compiles no WebAssembly while it runs. */
  readonly kernels?: WebAssembly.Module;
  /** How the host calls `fetch`, where it is not with a request alone. */
  entry?(
    fetch: Fetch,
  ): (request: Request, environment: unknown, context: unknown) => Promise<Response>;
  /** What a program does that runs the service; the host itself calls `fetch` where there is none. */
  readonly program?: HostProgram;
}

/** Threads that run the code of the service once more. */
export interface HostThreads {
  /** How to start one; `name` is what it can be told by. */
  starter(name: string): StartThread;
  /** The scope of the thread of that name, in it; undefined elsewhere. */
  scope(name: string): ThreadScope | undefined;
}

/** Answers one request. */
export type Fetch = (request: Request, client?: ClientFacts) => Promise<Response>;

/** What a host knows of who asks; `Deno.serve` says it so. */
export interface ClientFacts {
  /** The address of the connection. */
  readonly remoteAddr?: { readonly hostname?: string; readonly transport?: string };
  /** Resolves when the answer has been sent. */
  readonly completed?: Promise<void>;
}

/** Where settings say that a program listens. */
export interface Address {
  /** 0 takes any that is free. @default 8000 */
  port?: number;
  /** @default 0.0.0.0, which is all */
  hostname?: string;
}

/** The sides of a program that differ. */
export interface HostProgram {
  /** Takes requests where settings say, or else the host's own. */
  listen(fetch: Fetch, address: Address): Promise<Listening>;
  /**
   * The service where the host has begun to listen by itself, since it was started by the service's module and not by
   * a program; who listens then has to end with the process.
   */
  served?(fetch: Fetch): Listening & { readonly fetch: Fetch };
  /** Calls for each signal to end: SIGINT, and SIGTERM where there is one. */
  onSignal(called: () => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** A program that takes requests. */
export interface Listening {
  /** Where, for people; undefined where the host says so itself. */
  readonly url?: string;
  /** Takes no more connections; resolves when all requests in hand are answered. */
  shutdown(): Promise<void>;
}
