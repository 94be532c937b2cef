/**
 * What is answered where too much is in hand, or was asked for.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";

/** Too much is in hand, or was asked for. */
export class BusyError extends HTTPException {
  /** When to come again, in whole seconds. */
  readonly retryAfterSeconds: number;

  /**
   * Makes the error.
   *
   * @param message for the client.
   * @param facts the status, 503 where none is given, and when to come again.
   */
  constructor(message: string, facts: { status?: 429 | 503; retryAfterSeconds?: number } = {}) {
    super(facts.status ?? 503, { message });
    this.retryAfterSeconds = Math.max(1, Math.ceil(facts.retryAfterSeconds ?? 1));
  }
}

/** Status 503, for a clip. */
export function busy(problem: string, retryAfterSeconds?: number): BusyError {
  return new BusyError(`Cannot take the request: ${problem}`, { retryAfterSeconds });
}
