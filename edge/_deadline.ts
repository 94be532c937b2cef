/**
 * Waits for a client, but not for ever.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";

/**
 * The promise's value.
 *
 * @param ms how long it may take.
 * @param message says what was expected, where it takes longer.
 * @throws {HTTPException} with status 408 then.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  ms: number,
  message: string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HTTPException(408, { message })), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
