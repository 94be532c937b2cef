/**
 * What those who run the service ask of it: whether it lives, and whether it should get requests now.
 *
 * @module
 */
import type { Context } from "hono";
import { reasonOf } from "./_failure.ts";
import type { Service } from "./_service.ts";

const LATER = { "Retry-After": "1" };

/** Whether requests are answered at all. */
export function live(c: Context): Response {
  return c.json({ status: "alive" });
}

/** Whether a clip that comes now would be taken; asking starts the loading. */
export function readiness(c: Context, service: Service): Response {
  const status = service.sessions.isClosed
    ? "ending"
    : !isLoaded(c, service)
    ? "starting"
    : service.queue.isFull
    ? "full"
    : "ready";
  return status === "ready" ? c.json({ status }) : c.json({ status }, 503, LATER);
}

/** Whether the model is loaded; asking starts its loading. */
export function health(c: Context, service: Service): Response {
  if (!isLoaded(c, service)) return c.json({ status: "loading" }, 503, LATER);
  const thread = "device" in service.model.ready! ? "own" : "the service's";
  return c.json({ status: "ready", thread });
}

function isLoaded(c: Context, { model, log }: Service): boolean {
  if (model.ready) return true;
  model.get().catch((error) => log(JSON.stringify({ path: c.req.path, error: reasonOf(error) })));
  return false;
}
