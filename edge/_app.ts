/**
 * The application itself: its routes, and what takes their requests. `mod.ts` says what it is and what it takes.
 *
 * @module
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { HTTPException } from "hono/http-exception";
import { requestId } from "hono/request-id";
import { sendPage } from "./_ui_request.ts";
import { zip } from "./_archive.ts";
import { pathBehind, refuseNoHost } from "./_address.ts";
import { Bodies } from "./_bodies.ts";
import { refuseStrangers, shareAnswers } from "./_cors.ts";
import { allHeads, type Answer, answerClip, oneHead } from "./_clip_answer.ts";
import { clipCost } from "./_clip_cost.ts";
import { clipRequest, expectClipRequest } from "./_clip_request.ts";
import { failureOf, logFailure } from "./_failure.ts";
import { headsOf, headsWith, listHeads, teach } from "./_heads_request.ts";
import { Teaching } from "./_teaching.ts";
import { LiveStream } from "./_live_stream.ts";
import { countAnswers, metrics, metricsText } from "./_metrics.ts";
import { sendDocument } from "./_documents.ts";
import { allowedMethods, listedRoutes, routeOf, ROUTES } from "./_routes.ts";
import { logAnswers } from "./_access_log.ts";
import { expectKey } from "./_keys.ts";
import { traceAnswers } from "./_tracing.ts";
import { limitRate } from "./_rate_limit.ts";
import { ModelOnce } from "./_model_once.ts";
import { health, live, readiness } from "./_probes.ts";
import { WorkQueue } from "./_queue.ts";
import { detectRecording } from "./_recording_request.ts";
import { classifierOf, type Service } from "./_service.ts";
import { Sessions } from "./_sessions.ts";
import { expectBasePath, expectOrigins, expectToken } from "./_setting_checks.ts";
import { appOptions, DEFAULT_SETTINGS } from "./settings.ts";

import type { App, AppOptions, ClassifierSource, ServedClassifier } from "./mod.ts";
import type { ServiceTotals } from "./_service_totals.ts";
import type { UpgradeWebSocket } from "./web_socket.ts";

/**
 * Makes the application of one model.
 *
 * @param source the classifier, or what loads it.
 * @param options as those of `createApp()`.
 * @param totals what is in hand of the whole service, which may have more models.
 * @throws {RangeError} for an option that cannot be.
 */
export function appOf(
  source: ClassifierSource,
  options: AppOptions,
  totals: ServiceTotals,
): App {
  const service = serviceOf(source, options, totals);
  const basePath = expectBasePath(options.basePath ?? "");
  const { model, models = () => [] } = options;
  const places = model === undefined ? [basePath] : [basePath, `/models/${model}`];
  const app = new Hono({ getPath: pathBehind(...places) });
  const origins = expectOrigins(options.cors ?? []);
  app.use(countAnswers(service.queue.meter));
  app.use(requestId());
  app.use(logAnswers(service.accessLog));
  app.use(traceAnswers(routeOf));
  app.use(refuseNoHost);
  app.use(shareAnswers(origins));
  app.use(expectKey(service.apiKeys, { isMetricsOpen: service.isMetricsOpen }));
  app.use(limitRate(options, totals));
  app.use("/stream", refuseStrangers(origins));
  app.get("/", (c) => describe(c, service, places));
  app.post("/", (c) => takeClip(c, service));
  app.post("/detect", (c) => detectRecording(c, service));
  app.get("/stream", (c) => openStream(c, service, options.upgradeWebSocket));
  app.get("/heads", (c) => listHeads(c, service));
  app.post("/heads", (c) => takeClip(c, service, allHeads));
  app.post("/heads/:name", (c) => takeClip(c, service));
  app.delete("/heads/:name", (c) => forgetHead(c, service));
  app.post("/heads/:name/examples", (c) => takeExample(c, service));
  app.get("/heads/:name/files", (c) => sendHead(c, service));
  app.get("/models", (c) => c.json({ models: models() }));
  const asked = { healthz: health, health, livez: live, readyz: readiness, metrics };
  for (const [name, answer] of Object.entries(asked)) {
    app.get(`/${name}`, (c) => answer(c, service));
  }
  app.get("/openapi.json", (c) => sendDocument(c, "openapi.json", options.documents));
  app.get("/docs", (c) => sendDocument(c, "docs.html", options.documents));
  const page = { isOn: options.ui ?? false, documents: options.documents };
  for (const path of ["/ui", "/ui/:file"]) app.get(path, (c) => sendPage(c, page));
  app.notFound(notFound);
  app.onError((error, c) => answerFailure(error, c, service));
  return {
    fetch: async (request, client) => await app.fetch(request, client),
    load: async () => void await service.model.get(),
    close: () => closeService(service),
    metrics: () => metricsText(service),
  };
}

/** How long bodies that are on their way may take when the service ends, in milliseconds. */
const ENDING_GRACE_MS = 1_000;

/** What is taken is answered; a body that is on its way is taken if it is there soon. */
async function closeService({ sessions, bodies, queue }: Service): Promise<void> {
  const clips = bodies.close(ENDING_GRACE_MS).then(() => queue.close());
  await Promise.all([sessions.close(), clips]);
}

function serviceOf(
  source: ClassifierSource,
  given: AppOptions,
  totals: ServiceTotals,
): Service {
  const made = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: LimitOptions = { ...DEFAULT_LIMITS, ...Object.fromEntries(made) };
  const limits = { ...options, bodyGraceMs: 5_000 };
  const log = given.log ?? console.error;
  const queue = new WorkQueue(options, () => model.ready, totals);
  const model = new ModelOnce(async () => {
    const classifier = await loaderOf(source)();
    if (classifier.pace !== undefined) queue.pace.add(1, classifier.pace);
    return classifier;
  });
  return {
    ...{ limits, model, queue },
    bodies: new Bodies(limits, totals),
    sessions: new Sessions(options.maxSessions, totals),
    teaching: new Teaching({
      ...options,
      token: given.teachToken === undefined ? undefined : expectToken(given.teachToken),
      save: given.saveHead,
    }, totals),
    log,
    accessLog: { kind: options.accessLog, rate: options.accessLogRate, log },
    apiKeys: (given.apiKeys ?? []).map(expectToken),
    isMetricsOpen: options.openMetrics,
  };
}

/** Those of the options that have a default in the table of settings. */
type LimitOptions = Required<
  Omit<
    AppOptions,
    | "model"
    | "models"
    | "basePath"
    | "rateLimit"
    | "clientHeader"
    | "cors"
    | "apiKeys"
    | "teachToken"
    | "saveHead"
    | "documents"
    | "upgradeWebSocket"
    | "log"
  >
>;

const DEFAULT_LIMITS = appOptions(DEFAULT_SETTINGS) as LimitOptions;

function loaderOf(source: ClassifierSource): () => Promise<ServedClassifier> {
  if (typeof source === "function" && !("labels" in source)) return source;
  return () => Promise.resolve(source);
}

/** A clip takes a place in the queue when all of it is there. */
async function takeClip(c: Context, service: Service, answer: Answer = oneHead): Promise<Response> {
  const { bodies, limits, queue } = service;
  expectClipRequest(c.req.raw);
  const head = c.req.param("name") ?? c.req.query("head");
  if (head !== undefined) headsWith(await classifierOf(service), head);
  return await bodies.use(c.req.raw, async (body) => {
    queue.expectAnyPlace();
    const clip = await clipRequest(c.req.raw, body);
    const cost = await clipCost(clip.bytes, limits.maxDecodedBytes);
    return await queue.admit(cost.seconds, async (ticket) => {
      const classifier = await classifierOf(service);
      const work = { ...clip, ...cost, classifier, head };
      return await answerClip(c, service, { work, ticket, answer });
    });
  });
}

/** An example of a head that is taught; who may not is turned away before the clip comes. */
async function takeExample(c: Context, service: Service): Promise<Response> {
  const { bodies, limits, queue, teaching } = service;
  await teaching.expectAllowed(c.req.raw);
  expectClipRequest(c.req.raw);
  const heads = headsOf(await classifierOf(service));
  const name = c.req.param("name")!;
  const label = teaching.expectExample(name, c.req.query("label") ?? null, heads);
  return await bodies.use(c.req.raw, async (body) => {
    const { bytes } = await clipRequest(c.req.raw, body);
    const { seconds } = await clipCost(bytes, limits.maxDecodedBytes);
    const state = await queue.admit(seconds, (ticket) => {
      const job = { ticket, seconds, worker: 0 };
      return queue.run(() => teach(service, bytes, { name, label, heads }), job);
    });
    return c.json(state);
  });
}

async function forgetHead(c: Context, service: Service): Promise<Response> {
  await service.teaching.expectAllowed(c.req.raw);
  const heads = headsOf(await classifierOf(service));
  const forget = () => service.teaching.forget(c.req.param("name")!, heads);
  await service.queue.run(forget, { worker: 0 });
  return c.body(null, 204);
}

async function sendHead(c: Context, { teaching }: Service): Promise<Response> {
  await teaching.expectAllowed(c.req.raw);
  return c.body(zip(teaching.filesOf(c.req.param("name")!)), 200, {
    "Content-Type": "application/zip",
  });
}

async function openStream(
  c: Context,
  service: Service,
  upgrade?: UpgradeWebSocket,
): Promise<Response> {
  if (!upgrade) {
    throw new HTTPException(501, { message: "Cannot stream: this host has no WebSockets" });
  }
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    const error = "Cannot stream: expected a WebSocket (Upgrade: websocket), found a plain request";
    return c.json({ error }, 426, { Upgrade: "websocket" });
  }
  const stream = new LiveStream(c, service);
  try {
    return await upgrade(c.req.raw, stream);
  } catch (cause) {
    stream.closed();
    const message = "Cannot stream: expected a WebSocket's handshake";
    throw cause instanceof TypeError ? new HTTPException(400, { message }) : cause;
  }
}

function describe(
  c: Context,
  { model, limits, teaching }: Service,
  [basePath = "", place]: readonly string[],
): Response {
  const { pathname } = new URL(c.req.url);
  const isPlaced = place !== undefined && pathname.includes(place);
  const url = new URL(`${basePath}${isPlaced ? place : ""}/`, c.req.url);
  return c.json({
    name: "Earshot",
    task: "audio-classification",
    ready: model.ready !== undefined,
    labels: model.ready?.labels,
    heads: model.ready?.heads?.list().map(({ name }) => name),
    teaching: teaching.isAllowed && model.ready?.heads !== undefined,
    maxBodyBytes: limits.maxBodyBytes,
    example: `curl --data-binary @clip.wav "${url}?top_k=3"`,
    endpoints: listedRoutes(),
  });
}

/** A path that there is not, or a method that it does not take. */
function notFound(c: Context): Response {
  if (routeOf(c.req.path) === "other") {
    const expected = c.req.path.startsWith("/models/")
      ? "a model that GET /models lists"
      : `one of ${Object.keys(ROUTES).join(", ")}`;
    return c.json({ error: `Cannot find ${c.req.path}: expected ${expected}` }, 404);
  }
  const allowed = allowedMethods(c.req.path);
  const error = `Cannot ${c.req.method} ${c.req.path}: expected ${allowed}`;
  return c.json({ error }, 405, { Allow: allowed });
}

function answerFailure(error: unknown, c: Context, { log }: Service): Response {
  const failure = failureOf(error);
  logFailure(failure, c, log);
  const { status, message, headers } = failure;
  return new Response(JSON.stringify({ error: message }), {
    status,
    headers: { ...headers, "Content-Type": "application/json", "X-Request-Id": c.get("requestId") },
  });
}
