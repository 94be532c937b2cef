/**
 * The routes that there are: one table for what `GET /` lists, for who asks with a wrong method, for the counts and for
 * `/openapi.json`.
 *
 * @module
 */

/** A method as it is routed; HEAD comes along with GET. */
export type Method = "GET" | "POST" | "DELETE";

/** What each method of a path does, in a few words. */
export type RouteMethods = Readonly<Partial<Record<Method, string>>>;

/** Paths, with `NAME` where a name stands. */
export const ROUTES: Readonly<Record<string, RouteMethods>> = {
  "/": { GET: "what this is", POST: "a clip; its classes" },
  "/detect": { POST: "a recording of any length; its events, a line of JSON each" },
  "/stream": {
    GET: "a WebSocket: live sound, as samples or WebM or Ogg Opus; its events",
  },
  "/heads": {
    GET: "the heads, where there are several",
    POST: "a clip; its classes by each head",
  },
  "/heads/NAME": { POST: "a clip; its classes by one head", DELETE: "forgets a head" },
  "/heads/NAME/examples": { POST: "a clip and its label; teaches a head" },
  "/heads/NAME/files": { GET: "a head that was taught, as an archive" },
  "/models": { GET: "the models, each of which answers below /models/NAME" },
  "/healthz": { GET: "whether the model is loaded" },
  "/health": { GET: "the same" },
  "/readyz": { GET: "whether a clip would be taken now" },
  "/livez": { GET: "whether the service lives" },
  "/metrics": { GET: "what it has done, for Prometheus" },
  "/openapi.json": { GET: "this service in OpenAPI 3.1" },
  "/docs": { GET: "the same as a page" },
  "/ui": { GET: "a page to speak to" },
};

/** The route that a path belongs to, as it is counted; `other` for those that there are not. */
export function routeOf(path: string): string {
  const route = path.replace(/^\/heads\/[^/]+/, "/heads/NAME").replace(/^\/ui\/.*/, "/ui");
  return Object.hasOwn(ROUTES, route) ? route : "other";
}

/** What may be asked of a path, for the header `Allow`. */
export function allowedMethods(path: string): string {
  const methods = Object.keys(ROUTES[routeOf(path)]!);
  return methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]).join(", ");
}

/** What a client may ask for, with the method before the path. */
export function listedRoutes(): Record<string, string> {
  const routes = Object.entries(ROUTES).flatMap(([path, methods]) => {
    return Object.entries(methods).map(([method, what]) => [`${method} ${path}`, what]);
  });
  return Object.fromEntries(routes.filter(([route]) => route !== "GET /"));
}
