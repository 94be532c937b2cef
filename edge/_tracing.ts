/**
 * Traces across services: W3C's `traceparent`, and OpenTelemetry where the host has it.
 *
 * Deno makes a span of each request where `OTEL_DENO` is set, and puts the API of OpenTelemetry where its packages look
 * for it; what this service adds, the route and the parts of the work, goes through that, without the package.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";

/** What is used of a span of OpenTelemetry. */
interface Span {
  spanContext(): { traceId: string; spanId: string; traceFlags: number };
  setAttribute(name: string, value: string | number): void;
  updateName(name: string): void;
  end(): void;
}

/** What is used of the API, as its packages register it. */
interface Telemetry {
  trace: {
    getTracer(name: string): { startSpan(name: string, options: object, parent: unknown): Span };
  };
  context: { active(): { getValue(key: symbol): unknown } };
}

/** A request's place in a trace. */
interface Trace {
  traceId: string;
  spanId: string;
  flags: string;
}

const API = Symbol.for("opentelemetry.js.api.1");
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** Version 00, or a later one that begins alike; a trace or a span of zeros is none. */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-([\da-f]{2})(?:-.*)?$/;

/** Takes a trace over, names its span by the route, and hands it on with the answer. */
export function traceAnswers(routeOf: (path: string) => string): MiddlewareHandler {
  return async (c, next) => {
    const span = activeSpan();
    const trace = span ? traceOfSpan(span) : takenOver(c.req.header("traceparent"));
    if (trace) c.set("trace", trace);
    await next();
    const route = routeOf(c.req.path);
    span?.setAttribute("http.route", route);
    span?.updateName(`${c.req.method} ${route}`);
    // The answer that opens a WebSocket must stay the very object that the host made.
    if (!trace || c.res.status === 101) return;
    c.res.headers.set("traceparent", `00-${trace.traceId}-${trace.spanId}-${trace.flags}`);
  };
}

/** What a log says of a request's trace; nothing where it has none. */
export function traceOf(c: Context): { traceId?: string; spanId?: string } {
  const { traceId, spanId }: Partial<Trace> = c.get("trace") ?? {};
  return { traceId, spanId };
}

/** Begins spans inside the request's, whoever does the work; nothing where that has none. */
export function spansHere(): (name: string) => Pick<Span, "end"> | undefined {
  // Without the request's they would be the first of traces of their own.
  if (!activeSpan()) return () => undefined;
  const { trace, context } = telemetryOfHost()!;
  const parent = context.active();
  return (name) => trace.getTracer("earshot").startSpan(name, {}, parent);
}

function activeSpan(): Span | undefined {
  return telemetryOfHost()?.context.active().getValue(SPAN) as Span | undefined;
}

function telemetryOfHost(): Telemetry | undefined {
  const { trace, context } = (globalThis as { [API]?: Partial<Telemetry> })[API] ?? {};
  return trace && context && { trace, context };
}

function traceOfSpan(span: Span): Trace {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceId, spanId, flags: traceFlags.toString(16).padStart(2, "0") };
}

/** The client's trace, with a span of our own. */
function takenOver(header: string | undefined): Trace | undefined {
  const [, traceId, flags] = TRACEPARENT.exec(header?.trim() ?? "") ?? [];
  if (traceId === undefined) return undefined;
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const spanId = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { traceId, spanId, flags: flags! };
}
