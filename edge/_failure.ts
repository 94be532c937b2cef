/**
 * The one place where an error becomes an HTTP answer.
 *
 * A client learns what was wrong with its request; what goes wrong inside stays in the log.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import type { Context } from "hono";
import { AudioFormatError } from "../src/errors.ts";
import { SettingsError } from "./_detection.ts";
import { BusyError } from "./_busy_error.ts";
import { ThreadError } from "./threaded_classifier.ts";

/** An error as a client gets to see it. */
export interface Failure {
  status: number;
  message: string;
  headers: Record<string, string>;
  /** What is behind it, for the log, where it is no fault of the request: one line, no stack. */
  reason?: string;
}

/** What goes with a status. */
const HEADERS: Readonly<Record<number, Record<string, string>>> = {
  401: { "WWW-Authenticate": "Bearer" },
  503: { "Retry-After": "1" },
};

/** What to answer to an error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof AudioFormatError) {
    return { status: 422, message: error.message, headers: {} };
  }
  if (error instanceof SettingsError) return { status: 400, message: error.message, headers: {} };
  if (error instanceof ThreadError && error.isOthers) {
    const message = "The thread that computed this ended; ask again";
    return { status: 503, message, headers: HEADERS[503]!, reason: reasonOf(error) };
  }
  if (!(error instanceof HTTPException)) {
    const message = "The server failed on this request";
    return { status: 500, message, headers: {}, reason: reasonOf(error) };
  }
  const { status, message, cause } = error;
  const reason = cause === undefined ? undefined : reasonOf(cause);
  const headers = error instanceof BusyError
    ? { "Retry-After": String(error.retryAfterSeconds) }
    : HEADERS[status] ?? {};
  return { status, message, headers, reason };
}

/** Writes down what a client does not get to see. */
export function logFailure(failure: Failure, c: Context, log: (line: string) => void): void {
  const { status, reason } = failure;
  if (reason === undefined) return;
  const { method, path } = c.req;
  log(JSON.stringify({ requestId: c.get("requestId"), method, path, status, error: reason }));
}

/** An error in one line. */
export function reasonOf(error: unknown): string {
  const line = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return line.replaceAll(/\s+/g, " ");
}
