/**
 * A line of JSON for each request, or for some.
 *
 * A line has the path and no query, no header and no body, so that nothing secret can be in it.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { traceOf } from "./_tracing.ts";

/** Which requests get a line. */
export interface AccessLog {
  kind: "off" | "sampled" | "on";
  /** Part of the requests, from 0 to 1, where only some get one; failures of the service always do. */
  rate: number;
  log: (line: string) => void;
}

const MAX_PATH = 200;

/** Writes a line when a request has been answered to its end. */
export function logAnswers({ kind, rate, log }: AccessLog): MiddlewareHandler {
  return async (c, next) => {
    const begun = performance.now();
    const time = new Date().toISOString();
    await next();
    if (kind === "off") return;
    const write = () => {
      const durationMs = Math.round(10 * (performance.now() - begun)) / 10;
      log(JSON.stringify({ time, ...factsOf(c), durationMs }));
    };
    const isWanted = kind === "on" || c.res.status >= 500 || Math.random() < rate;
    if (isWanted) endOf(c).then(write);
  };
}

function factsOf(c: Context): Record<string, unknown> {
  return {
    method: c.req.method,
    path: new URL(c.req.url).pathname.slice(0, MAX_PATH),
    status: c.res.status,
    audioSeconds: c.get("audioSeconds"),
    requestId: c.get("requestId"),
    ...traceOf(c),
  };
}

/** Notes sound that a request brought. */
export function noteSound(c: Context, seconds: number): void {
  c.set("audioSeconds", (c.get("audioSeconds") ?? 0) + seconds);
}

/** Notes when an answer that goes on has ended. */
export function noteEnd(c: Context, end: Promise<unknown>): void {
  c.set("end", end);
}

async function endOf(c: Context): Promise<void> {
  await (c.get("end") as Promise<unknown> | undefined)?.catch(() => {});
}
