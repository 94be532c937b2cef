/**
 * What the handlers of the application share.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import type { AccessLog } from "./_access_log.ts";
import type { Bodies, BodyLimits } from "./_bodies.ts";
import type { ModelOnce } from "./_model_once.ts";
import type { ServedClassifier } from "./mod.ts";
import type { WorkQueue } from "./_queue.ts";
import type { Teaching } from "./_teaching.ts";
import type { Sessions } from "./_sessions.ts";

/** Sizes in bytes and times in milliseconds; `AppOptions` says what they are. */
export interface Limits extends BodyLimits {
  maxDecodedBytes: number;
  maxDetectBytes: number;
  maxAheadBytes: number;
  detectTimeoutMs: number;
  statusWaitMs: number;
  streamBufferBytes: number;
  streamIdleMs: number;
}

/** The application's parts. */
export interface Service {
  model: ModelOnce<ServedClassifier>;
  queue: WorkQueue;
  bodies: Bodies;
  sessions: Sessions;
  teaching: Teaching;
  limits: Limits;
  log: (line: string) => void;
  accessLog: AccessLog;
  /** Keys of which clients have to know one; with none all may ask. */
  apiKeys: readonly string[];
  /** Whether `/metrics` needs none. */
  isMetricsOpen: boolean;
}

/** A classifier that also listens to sound that goes on. */
export type ServedDetector = ServedClassifier & Required<Pick<ServedClassifier, "detect">>;

/**
 * The classifier, loaded if need be.
 *
 * @throws {HTTPException} with status 503 where it cannot be.
 */
export async function classifierOf({ model }: Service): Promise<ServedClassifier> {
  return await model.get().catch((cause: unknown) => {
    throw new HTTPException(503, { message: "The model cannot be loaded", cause });
  });
}

/**
 * The classifier for sound that goes on.
 *
 * @throws {HTTPException} with status 501 where the one that is served has no `detect`.
 */
export async function detectorOf(service: Service): Promise<ServedDetector> {
  const classifier = await classifierOf(service);
  if (classifier.detect) return classifier as ServedDetector;
  const message = "Cannot detect: expected a classifier with detect(), found one for clips alone";
  throw new HTTPException(501, { message });
}
