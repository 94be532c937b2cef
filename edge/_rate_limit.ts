/**
 * How many requests a client may make: so many a minute, all at once or one after the other.
 *
 * A client is known by its address; by the one that a proxy names only where the operator says that there is one.
 * Without that, whoever sends the header would be whom it likes.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { BusyError } from "./_busy_error.ts";
import type { ClientFacts } from "./host.ts";
import type { ServiceTotals } from "./_service_totals.ts";

/** What clients are held to. */
export interface RateRules {
  /** Requests a minute. @default any number */
  rateLimit?: number;
  /** The header in which a proxy names the client last, such as `X-Forwarded-For`. @default none is believed */
  clientHeader?: string;
}

/** What is asked for by those who run the service. */
export const UNLIMITED_PATHS: readonly string[] = [
  "/livez",
  "/readyz",
  "/healthz",
  "/health",
  "/metrics",
];
/** Clients that are known at a time; the one that asked longest ago is forgotten first. */
const MAX_CLIENTS = 10_000;
const MINUTE_MS = 60_000;

/**
 * Refuses a client that asks too often, with status 429, before its body is read.
 *
 * @param rules how often it may.
 * @param totals what clients have left, of all models of the service.
 */
export function limitRate(
  { rateLimit, clientHeader }: RateRules,
  { clients }: Pick<ServiceTotals, "clients">,
): MiddlewareHandler {
  return async (c, next) => {
    if (rateLimit === undefined || UNLIMITED_PATHS.includes(c.req.path)) return await next();
    const client = clientOf(c, clientHeader);
    const now = performance.now();
    const before = clients.get(client) ?? { left: rateLimit, at: now };
    const left = Math.min(rateLimit, before.left + (now - before.at) * rateLimit / MINUTE_MS);
    clients.delete(client);
    clients.set(client, { left: Math.max(0, left - 1), at: now });
    if (clients.size > MAX_CLIENTS) clients.delete(clients.keys().next().value!);
    if (left < 1) {
      const message = `Cannot take the request: expected at most ${rateLimit} a minute`;
      throw new BusyError(message, { status: 429, retryAfterSeconds: 60 * (1 - left) / rateLimit });
    }
    await next();
  };
}

/** The address of who asks; of version 6 the part that a household has. */
function clientOf(c: Context, header: string | undefined): string {
  const named = header && c.req.header(header)?.split(",").at(-1)?.trim();
  const address = named || (c.env as ClientFacts | undefined)?.remoteAddr?.hostname || "unknown";
  return address.includes(":") && !address.includes(".")
    ? address.split(":").slice(0, 4).join(":")
    : address;
}
