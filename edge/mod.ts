/**
 * A classifier as a web service: post a clip, get its labels, in the form of Hugging Face's API.
 *
 * The application is a `fetch` handler, so it runs wherever there are requests and responses: Deno,
 * Deno Deploy, other edges, a service worker. Nothing here reads files or starts a server.
 *
 * @example
 * ```ts
 * import { createApp } from "@earshot/earshot/edge";
 * import { pipeline } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const app = createApp(() => pipeline("audio-classification", "models/voice_menu"));
 * const about = await app.fetch(new Request("http://localhost/"));
 * equal((await about.json()).task, "audio-classification");
 * ```
 *
 * @module
 */
import "../src/older_engines.ts";
import type { FittedHead, HeadedClassifyOptions, HeadFacts } from "../src/classify/heads.ts";
import type { Classification, ClassifyOptions } from "../src/classify/pipeline.ts";
import type { HeadExamples } from "../src/heads/taught_head.ts";
import type { DetectedEvent, WindowScores } from "../src/detect/mod.ts";
import { appOf } from "./_app.ts";
import type { ClientFacts } from "./host.ts";
import { noTotals } from "./_service_totals.ts";
import type { UpgradeWebSocket } from "./web_socket.ts";

export type { FittedHead, HeadedClassifyOptions, HeadFacts } from "../src/classify/heads.ts";
export type { Classification, ClassifyOptions, ScoreFunction } from "../src/classify/pipeline.ts";
export type { ClientFacts } from "./host.ts";
export type { HeadExamples } from "../src/heads/taught_head.ts";
export type { DetectedEvent, SoundEvent, WindowScores } from "../src/detect/mod.ts";
export { createModelsApp } from "./models.ts";
export {
  type ServerSocket,
  type SocketListener,
  upgradeOnDeno,
  type UpgradeWebSocket,
} from "./web_socket.ts";

/** What the application needs of a classifier; every `AudioClassifier` is one. */
export interface ServedClassifier {
  /** The classes of a clip, given the bytes of its file. */
  (bytes: Uint8Array, options?: HeadedClassifyOptions): Promise<Classification[]>;
  /** Class names by number. */
  readonly labels: readonly string[];
  /** The events of sound that goes on; without it `/detect` and `/stream` are refused. */
  detect?(
    source: AsyncIterable<Float32Array>,
    options: ServedDetectOptions,
  ): AsyncIterable<DetectedEvent>;
  /** Several heads on one backbone; without it there is one that has no name. */
  readonly heads?: ServedHeads;
  /** The same in several threads, each of which computes one thing at a time. @default there are none */
  readonly workers?: readonly ServedClassifier[];
  /** How many of these broke and were replaced. */
  readonly restarts?: number;
  /** Seconds that a second of sound took when it was loaded. @default unknown until there was a clip */
  readonly pace?: number;
  /** The longest clip that is computed whole, in seconds. @default that of the classifier */
  readonly maxSeconds?: number;
}

/** What the application needs of heads; those of every `HeadedClassifier` will do. */
export interface ServedHeads {
  /** All, in the order in which they came. */
  list(): readonly HeadFacts[];
  /** The classes of a clip by every head. */
  classify(bytes: Uint8Array, options?: ClassifyOptions): Promise<Record<string, Classification[]>>;
  /** What `fit` takes of a clip. */
  features(bytes: Uint8Array): Promise<Float32Array>;
  /** Fits a head to examples. */
  fit(name: string, examples: HeadExamples): Promise<FittedHead>;
  /** Takes a head away. */
  remove(name: string): void | Promise<void>;
}

/** A classifier, one that is being loaded, or a function that loads it on the first request. */
export type ClassifierSource =
  | ServedClassifier
  | Promise<ServedClassifier>
  | (() => Promise<ServedClassifier>);

/** How sound that goes on is listened to; `detect` of a classifier says what each means. */
export interface ServedDetectOptions {
  /** Which head is to answer, where there are several. */
  head?: string;
  /** Length of a window. */
  windowSeconds?: number;
  /** From the start of a window to that of the next. */
  hopSeconds?: number;
  /** Score from which a class is heard. */
  threshold?: number | Readonly<Record<string, number>>;
  /** Score below which it no longer is. */
  offThreshold?: number | Readonly<Record<string, number>>;
  /** Windows whose mean score counts. */
  meanWindows?: number;
  /** Windows of the median filter. */
  medianWindows?: number;
  /** Shorter events are left out. */
  minEventSeconds?: number;
  /** Events that are nearer to each other become one. */
  minGapSeconds?: number;
  /** Of events of different classes that are nearer the best is kept. */
  minApartSeconds?: number;
  /** Whether scores are those of the model alone. */
  rawScores?: boolean;
  /** Hertz of the samples. */
  samplingRate: number;
  /** The longest window, in seconds. @default that of the classifier */
  maxSeconds?: number;
  /** Ends it. */
  signal?: AbortSignal;
  /** Runs each computation, so that a service can have them wait for one another. */
  turn?: <T>(compute: () => Promise<T>) => Promise<T>;
  /** Gets the scores of each window. */
  onScores?: (window: WindowScores) => void;
}

/** Limits of the application, and where it reports. */
export interface AppOptions {
  /** Most bytes of a clip's request. @default 10 MiB */
  maxBodyBytes?: number;
  /** Longest time for a clip's body to arrive, and for a recording to stand still, in milliseconds. @default 30000 */
  bodyTimeoutMs?: number;
  /** Fewest bytes a second of a clip's body, after the first five seconds. @default 1000 */
  minBytesPerSecond?: number;
  /** Bodies of clips on their way at a time; one more gets status 503. @default 256 */
  maxBodies?: number;
  /** Most bytes of all bodies together, until they are answered; more get status 503. @default 64 MiB */
  maxBodiesBytes?: number;
  /** Clips in hand whose body is there; one more gets status 503. @default 64 */
  maxPending?: number;
  /**
   * Longest time from a clip's body being there to its answer, in milliseconds. It has to be begun within a third of
   * it: where that cannot be, it gets status 503 at once. @default 30000
   */
  deadlineMs?: number;
  /** Requests a minute of one client; more get status 429. @default any number */
  rateLimit?: number;
  /** The header in which a proxy names the client last, such as `X-Forwarded-For`. @default none is believed */
  clientHeader?: string;
  /** Most bytes that a clip may unfold to: seconds x rate x channels x 4. @default 64 MiB */
  maxDecodedBytes?: number;
  /** Streams and detections at a time; one more gets status 503. @default 32 */
  maxSessions?: number;
  /** Most bytes of a recording whose events are asked for. @default 4 GiB */
  maxDetectBytes?: number;
  /**
   * Bytes of such a recording that may be in memory: sent ahead of what is listened to, or a file whose description
   * stands behind its sound. @default 64 MiB
   */
  maxAheadBytes?: number;
  /** Longest time for all of such a recording, in milliseconds. @default 3600000 */
  detectTimeoutMs?: number;
  /** How long the status of such an answer waits for the first event, in milliseconds. @default 10000 */
  statusWaitMs?: number;
  /** Bytes of a live stream that may wait to be heard, or its answers to be read. @default 2 MiB */
  streamBufferBytes?: number;
  /** How long a live stream may be silent, in milliseconds. @default 60000 */
  streamIdleMs?: number;
  /** A name below `/models` by which it answers, too. @default none */
  model?: string;
  /** What `GET /models` lists. @default nothing */
  models?: () => readonly ModelFacts[];
  /** The path that it is mounted at, whether requests still have it or not. @default "" */
  basePath?: string;
  /** Origins whose pages may read answers and open streams, such as `https://example.org`; `*`: all. @default none */
  cors?: readonly string[];
  /** Keys of which clients have to know one, as `Authorization: Bearer` or `x-api-key`. @default none: all may ask */
  apiKeys?: readonly string[];
  /** Whether `/metrics` needs no key, as probes never do. @default false */
  openMetrics?: boolean;
  /** Whether requests get a line of JSON in the log. @default "off" */
  accessLog?: "off" | "sampled" | "on";
  /** Part of the requests that a sampled log has; failures of ours are always in it. @default 0.01 */
  accessLogRate?: number;
  /** What clients have to know to teach heads, as `Authorization: Bearer`. @default none: nobody may */
  teachToken?: string;
  /** Most examples of a head that is taught. @default 1000 */
  maxExamples?: number;
  /** Most bytes of the examples of all heads. @default 32 MiB */
  maxExamplesBytes?: number;
  /** Most heads that are taught. @default 100 */
  maxTaughtHeads?: number;
  /** Keeps the files of a head that was taught. @default it is in memory alone */
  saveHead?: (name: string, files: { name: string; bytes: Uint8Array }[]) => Promise<void>;
  /** Whether there is a page at `/ui`, of what `documents` gives as `ui/index.html` and so on. @default false */
  ui?: boolean;
  /** Gives `openapi.json` and `docs.html`, which `bundle` and `serve` make. @default none: they get status 404 */
  documents?: (name: string) => Promise<string | undefined>;
  /** How this host makes a WebSocket of a request. @default none: `/stream` gets status 501 */
  upgradeWebSocket?: UpgradeWebSocket;
  /** Gets a line of JSON for each failure of ours. @default console.error */
  log?: (line: string) => void;
}

/** What `GET /models` says of a model. */
export interface ModelFacts {
  /** Its name below `/models`. */
  name: string;
  /** Whether it is loaded. */
  ready: boolean;
  /** Class names by number, where it is. */
  labels?: readonly string[];
}

/** A web application. */
export interface App {
  /** Answers one request; the host tells who asks, where it knows. */
  fetch(request: Request, client?: ClientFacts): Promise<Response>;
  /** Loads the model, which the first request would do. Rejects where it cannot be loaded. */
  load(): Promise<void>;
  /** What `GET /metrics` says. */
  metrics(): string;
  /**
   * Refuses what comes from now on, and ends live streams and detections; resolves when these have ended and the clips
   * in hand are answered.
   */
  close(): Promise<void>;
}

/**
 * Makes the application.
 *
 * | request | answer |
 * | --- | --- |
 * | `POST /` with the bytes of an audio file, of any content type | `[{ label, score }]`, best first |
 * | `POST /` with JSON `{ inputs, parameters }`, audio in base64 | the same |
 * | `POST /detect` with an audio file of any length | its events, a line of JSON each, while they are found |
 * | `GET /stream` as a WebSocket: options, then sound | what is heard, in messages of JSON |
 * | `GET /heads` | the heads, where there are several on one backbone |
 * | `POST /heads/NAME` as `POST /`, or `?head=NAME` | the answer of one |
 * | `POST /heads` as `POST /` | `{ NAME: [{ label, score }] }`, the answers of all |
 * | `POST /heads/NAME/examples?label=X` with a clip and the token | how many examples the head has now |
 * | `GET /heads/NAME/files` with the token | the directory of a head that was taught, as a ZIP archive |
 * | `DELETE /heads/NAME` with the token | status 204; a head that was taught is forgotten |
 * | `GET /healthz` | status 200 when the model is loaded, else 503 |
 * | `GET /readyz`, `GET /livez` | whether a clip would be taken now; whether the service lives |
 * | `GET /metrics` | what it has done, in Prometheus' text format |
 * | `GET /models` | the models, where there are several (`createModelsApp()`) |
 * | `GET /openapi.json`, `GET /docs` | this table in full, where `documents` has it |
 * | `GET /ui` | a page to speak to, where `ui` is on |
 * | `GET /` | what this is, in JSON |
 *
 * `top_k`, `function_to_apply` and `raw_scores` are parameters of the JSON form, or of the query. An error is
 * `{ error }`, one line: 400, 401, 403, 404, 405, 408, 409, 413, 415 and 422 for the request's faults, 429 for
 * a client that asks too often and 503 when too many are waiting or the model cannot be loaded, both with
 * `Retry-After`, 500 for ours. `docs/serving.md` has the
 * parameters of `/detect` and `/stream`, and the codes with which a stream is closed.
 *
 * @param source the classifier; a function is called once, on the first request, and again only after it failed.
 * @param options limits of size, time and number, who may ask, and the log.
 * @throws {RangeError} for an origin that no browser would send.
 *
 * @example
 * ```ts
 * import { encodeWav } from "@earshot/earshot/audio";
 * import { createApp } from "@earshot/earshot/edge";
 * import { deepEqual } from "node:assert/strict";
 *
 * const classify = () => Promise.resolve([{ label: "yes", score: 1 }]);
 * const app = createApp(Object.assign(classify, { labels: ["yes"] }));
 * const body = encodeWav(new Float32Array(8_000), 8_000).slice();
 * const answer = await app.fetch(new Request("http://localhost/", { method: "POST", body }));
 * deepEqual(await answer.json(), [{ label: "yes", score: 1 }]);
 * ```
 */
export function createApp(source: ClassifierSource, options: AppOptions = {}): App {
  return appOf(source, options, noTotals());
}
