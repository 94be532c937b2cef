/**
 * The one place where an error becomes an HTTP answer.
 *
 * A client learns what was wrong with its request; what goes wrong inside stays in the log.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { AudioFormatError } from "../src/errors.ts";

/** An error as a client gets to see it. */
export interface Failure {
  status: number;
  message: string;
  headers: Record<string, string>;
}

/** What to answer to an error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof AudioFormatError) return failure(422, error.message);
  if (!(error instanceof HTTPException)) return failure(500, "The server failed on this request");
  const { status, message } = error;
  return failure(status, message, status === 503 ? { "Retry-After": "1" } : {});
}

/** The error behind an answer of 500 or more, in one line without a stack. */
export function reasonOf(error: unknown): string {
  const origin = error instanceof HTTPException && error.cause !== undefined ? error.cause : error;
  const line = origin instanceof Error ? `${origin.name}: ${origin.message}` : String(origin);
  return line.replaceAll(/\s+/g, " ");
}

function failure(status: number, message: string, headers: Record<string, string> = {}): Failure {
  return { status, message, headers };
}
