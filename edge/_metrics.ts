/**
 * What the service has done, counted, and how that is written for Prometheus.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { routeOf } from "./_routes.ts";
import type { Service } from "./_service.ts";

/** Counts; times in seconds. */
export class Meter {
  readonly #requests = new Map<string, number>();
  #jobs = 0;
  decoding = 0;
  waiting = 0;
  audio = 0;

  /** A request was answered. */
  answered(path: string, status: number): void {
    const labels = `route="${routeOf(path)}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  /** A clip was decoded, inside a job. */
  decoded(audioSeconds: number, decodingSeconds: number): void {
    this.audio += audioSeconds;
    this.decoding += decodingSeconds;
  }

  /** A job's turn came. */
  waited(seconds: number): void {
    this.waiting += seconds;
  }

  /** Jobs were done at once. */
  ran(seconds: number): void {
    this.#jobs += seconds;
  }

  /** Jobs without the decoding that was done in them. */
  get computing(): number {
    return Math.max(0, this.#jobs - this.decoding);
  }

  /** Answered requests by their labels. */
  get requests(): ReadonlyMap<string, number> {
    return this.#requests;
  }
}

/** Counts every request when its status is known. */
export function countAnswers(meter: Meter): MiddlewareHandler {
  return async (c, next) => {
    await next();
    meter.answered(c.req.path, c.res.status);
  };
}

/** All figures in Prometheus' text format, version 0.0.4. */
export function metrics(c: Context, service: Service): Response {
  return c.body(metricsText(service), 200, { "Content-Type": "text/plain; version=0.0.4" });
}

/** The same as text. */
export function metricsText(service: Service): string {
  const { queue, bodies, sessions, model } = service;
  const { meter } = queue;
  const restarts = model.ready?.restarts ?? 0;
  const families = [
    family("requests", "counter", "Answered requests", [...meter.requests]),
    family("decoding_seconds", "counter", "Decoding of clips", meter.decoding),
    family("waiting_seconds", "counter", "Waiting for a turn", meter.waiting),
    family("computing_seconds", "counter", "Computing of clips and windows", meter.computing),
    family("audio_seconds", "counter", "Sound that was decoded", meter.audio),
    family("queue_length", "gauge", "Clips that wait or run", queue.length),
    family("queue_limit", "gauge", "Clips that may wait or run", queue.limits.maxPending),
    family("waiting_jobs", "gauge", "Clips and windows that wait for a turn", queue.waiting),
    family("workers", "gauge", "Threads of inference", queue.workers),
    family("workers_busy", "gauge", "Threads of inference that compute", queue.busy),
    family("workers_restarted", "counter", "Threads that broke and were replaced", restarts),
    family("bodies_in_flight", "gauge", "Bodies of clips on their way", bodies.arriving),
    family("bodies_bytes", "gauge", "Bytes of bodies in hand", bodies.bytes),
    family("sessions", "gauge", "Streams and detections in hand", sessions.count),
    family("model_ready", "gauge", "Whether the model is loaded", model.ready ? 1 : 0),
  ];
  const resident = residentBytes();
  if (resident !== undefined) {
    const name = "process_resident_memory_bytes";
    families.push(`# HELP ${name} Resident memory\n# TYPE ${name} gauge\n${name} ${resident}\n`);
  }
  return families.join("");
}

function family(
  short: string,
  kind: "counter" | "gauge",
  help: string,
  values: number | [labels: string, value: number][],
): string {
  const name = `earshot_${short}${kind === "counter" ? "_total" : ""}`;
  const lines = typeof values === "number"
    ? [`${name} ${values}`]
    : values.map(([labels, value]) => `${name}{${labels}} ${value}`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join("\n")}\n`;
}

interface HasMemory {
  memoryUsage?(): { rss: number };
}

/** Where the host tells it. */
function residentBytes(): number | undefined {
  // Node's and Bun's process has what Deno has itself; elsewhere there is neither, or it cannot tell.
  const { Deno: deno, process } = globalThis as { Deno?: HasMemory; process?: HasMemory };
  return (deno ?? process)?.memoryUsage?.().rss || undefined;
}
