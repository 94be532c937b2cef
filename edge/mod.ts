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
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { HTTPException } from "hono/http-exception";
import { requestId } from "hono/request-id";
import type { Classification, ClassifyOptions } from "../src/classify/pipeline.ts";
import { readClipRequest } from "./_clip_request.ts";
import { failureOf, reasonOf } from "./_failure.ts";
import { ModelOnce } from "./_model_once.ts";
import { nextTurn, WorkQueue } from "./_queue.ts";

export type { Classification, ClassifyOptions, ScoreFunction } from "../src/classify/pipeline.ts";

/** What the application needs of a classifier; every `AudioClassifier` is one. */
export interface ServedClassifier {
  /** The classes of a clip, given the bytes of its file. */
  (bytes: Uint8Array, options?: ClassifyOptions): Promise<Classification[]>;
  /** Class names by number. */
  readonly labels: readonly string[];
}

/** A classifier, one that is being loaded, or a function that loads it on the first request. */
export type ClassifierSource =
  | ServedClassifier
  | Promise<ServedClassifier>
  | (() => Promise<ServedClassifier>);

/** Limits of the application, and where it reports. */
export interface AppOptions {
  /** Most bytes of a request's body. @default 10 MiB */
  maxBodyBytes?: number;
  /** Longest time for a body to arrive, in milliseconds. @default 30000 */
  bodyTimeoutMs?: number;
  /** Requests in hand at a time, of which one runs; one more gets status 503. @default 16 */
  maxPending?: number;
  /** Gets a line of JSON for each failure of ours. @default console.error */
  log?: (line: string) => void;
}

/** A web application. */
export interface App {
  /** Answers one request. */
  fetch(request: Request): Promise<Response>;
}

/** What the handlers share. */
interface Service {
  model: ModelOnce<ServedClassifier>;
  queue: WorkQueue;
  limits: { maxBodyBytes: number; bodyTimeoutMs: number };
  log: (line: string) => void;
}

/**
 * Makes the application.
 *
 * | request | answer |
 * | --- | --- |
 * | `POST /` with the bytes of an audio file, of any content type | `[{ label, score }]`, best first |
 * | `POST /` with JSON `{ inputs, parameters }`, audio in base64 | the same |
 * | `GET /healthz` | status 200 when the model is loaded, else 503 |
 * | `GET /` | what this is, in JSON |
 *
 * `top_k` and `function_to_apply` are parameters of the JSON form, or of the query. An error is
 * `{ error }`, one line: 400, 404, 405, 408, 413, 415 and 422 for the request's faults, 503 with
 * `Retry-After` when too many are waiting or the model cannot be loaded, 500 for ours.
 *
 * @param source the classifier; a function is called once, on the first request, and again only after it failed.
 * @param options limits of size, time and number, and the log.
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
  const { maxBodyBytes = 10 * 2 ** 20, bodyTimeoutMs = 30_000, maxPending = 16 } = options;
  const service: Service = {
    model: new ModelOnce(loaderOf(source)),
    queue: new WorkQueue(maxPending),
    limits: { maxBodyBytes, bodyTimeoutMs },
    log: options.log ?? console.error,
  };
  const app = new Hono();
  app.use(requestId());
  app.get("/", (c) => describe(c, service));
  app.post("/", (c) => service.queue.admit(() => classify(c, service)));
  app.all("/", (c) => wrongMethod(c, "GET, HEAD, POST"));
  app.get("/healthz", (c) => health(c, service));
  app.all("/healthz", (c) => wrongMethod(c, "GET, HEAD"));
  app.notFound((c) => c.json({ error: `Cannot find ${c.req.path}: expected / or /healthz` }, 404));
  app.onError((error, c) => answerFailure(error, c, service));
  return { fetch: async (request) => await app.fetch(request) };
}

function loaderOf(source: ClassifierSource): () => Promise<ServedClassifier> {
  if (typeof source === "function" && !("labels" in source)) return source;
  return () => Promise.resolve(source);
}

async function classify(c: Context, { model, queue, limits }: Service): Promise<Response> {
  const { bytes, options } = await readClipRequest(c.req.raw, limits);
  const classifier = await model.get().catch((cause: unknown) => {
    throw new HTTPException(503, { message: "The model cannot be loaded", cause });
  });
  const answer = await queue.run(async (hadToWait) => {
    if (hadToWait) await expectClient(c.req.raw);
    return await classifier(bytes, options);
  });
  return c.json(answer);
}

/** Refuses the work of a request whose client has closed the connection. */
async function expectClient({ signal }: Request): Promise<void> {
  // Deno learns of a closed connection in a turn of its own, after the signal was first asked for.
  await nextTurn();
  if (signal.aborted) throw new HTTPException(400, { message: "The client closed the connection" });
}

/** Asking after the model's health starts its loading. */
function health(c: Context, { model, log }: Service): Response {
  if (model.ready) return c.json({ status: "ready" });
  model.get().catch((error) => log(JSON.stringify({ path: c.req.path, error: reasonOf(error) })));
  return c.json({ status: "loading" }, 503, { "Retry-After": "1" });
}

function describe(c: Context, { model, limits }: Service): Response {
  return c.json({
    name: "Earshot",
    task: "audio-classification",
    ready: model.ready !== undefined,
    labels: model.ready?.labels,
    maxBodyBytes: limits.maxBodyBytes,
    example: `curl --data-binary @clip.wav "${new URL("/", c.req.url)}?top_k=3"`,
  });
}

function wrongMethod(c: Context, allowed: string): Response {
  const error = `Cannot ${c.req.method} ${c.req.path}: expected ${allowed}`;
  return c.json({ error }, 405, { Allow: allowed });
}

function answerFailure(error: unknown, c: Context, { log }: Service): Response {
  const { status, message, headers, reason } = failureOf(error);
  if (reason !== undefined) {
    const { method, path } = c.req;
    log(JSON.stringify({ requestId: c.get("requestId"), method, path, status, error: reason }));
  }
  return new Response(JSON.stringify({ error: message }), {
    status,
    headers: { ...headers, "Content-Type": "application/json", "X-Request-Id": c.get("requestId") },
  });
}
