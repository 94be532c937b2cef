/**
 * Runs a classifier over sound that goes on, in turn with all others, and puts what it finds into the words of JSON.
 *
 * @module
 */
import type { OpenedAudio } from "../src/audio/mod.ts";
import type { DetectedEvent, WindowScores } from "../src/detect/mod.ts";
import type { DetectionRequest } from "./_detect_request.ts";
import { headsWith, labelsOf } from "./_heads_request.ts";
import { nextTurn, type WorkQueue } from "./_queue.ts";
import type { ServedDetector } from "./_service.ts";
import type { ServedClassifier } from "./mod.ts";
import { ThreadError } from "./threaded_classifier.ts";

/** An event, or the scores of a window, as a client reads it. */
export type Finding =
  | DetectedEvent
  | { start: number; end: number; scores: { label: string; score: number }[] };

/** Who listens, when, and for whom. */
export interface Listening {
  classifier: ServedClassifier;
  queue: WorkQueue;
  /** Ends the work between two windows. */
  signal: AbortSignal;
  /** Gets the seconds of sound as they are decoded. @default nobody */
  heard?: (seconds: number) => void;
  /** Gets each finding as soon as it is known. */
  tell: (finding: Finding) => void;
  /** Resolves when the client has room for more; the next window is not begun before. @default at once */
  room?: () => Promise<void>;
}

/** How long decoding may keep the thread of the service from its requests. */
const LONGEST_DECODING_MS = 20;

/** What was asked for cannot be done, which showed before any sound was listened to. */
export class SettingsError extends RangeError {
  override readonly name = "SettingsError";
}

/**
 * Listens to the end of the sound.
 *
 * Each window takes its turn in the queue, so that one who sends hours does not keep the others waiting.
 *
 * @throws {SettingsError} for windows that the model cannot take.
 * @throws {AudioFormatError} for sound that is broken.
 */
export async function listen(
  sound: OpenedAudio,
  asked: DetectionRequest,
  { classifier, queue, signal, tell, heard, room = () => Promise.resolve() }: Listening,
): Promise<void> {
  const { head } = asked.settings;
  if (head !== undefined) headsWith(classifier, head);
  const labels = labelsOf(classifier, head);
  let hasListened = false;
  async function* blocks(): AsyncGenerator<Float32Array, void, void> {
    hasListened = true;
    let paused = performance.now();
    for await (const block of sound.blocks()) {
      const seconds = block.length / sound.sampleRateHz;
      queue.meter.decoded(seconds, 0);
      heard?.(seconds);
      yield block;
      // It is decoded in the thread that answers all others.
      if (performance.now() - paused < LONGEST_DECODING_MS) continue;
      await nextTurn();
      paused = performance.now();
    }
  }
  const { worker, leave } = queue.stay();
  const listener = (classifier.workers?.[worker] ?? classifier) as ServedDetector;
  try {
    const events = listener.detect(blocks(), {
      ...asked.settings,
      samplingRate: sound.sampleRateHz,
      signal,
      turn: async (compute) => {
        await room();
        return await queue.run(() => {
          signal.throwIfAborted();
          return compute();
        }, { worker });
      },
      onScores: (window) => {
        if (asked.scores) tell(bestOf(window, labels, asked.topK));
      },
    });
    for await (const event of events) {
      if (event.state === "ended" || asked.began) tell(event);
    }
  } catch (error) {
    const isSetting = error instanceof RangeError ||
      error instanceof TypeError && !(error instanceof ThreadError);
    if (hasListened || signal.aborted || !isSetting) throw error;
    throw new SettingsError(error.message, { cause: error });
  } finally {
    leave();
  }
}

function bestOf(
  { start, end, scores, none }: WindowScores,
  labels: readonly string[],
  topK: number,
): Finding {
  const classes = labels.map((label, i) => ({ label, score: scores[i]! }));
  if (none) classes.unshift(none);
  return { start, end, scores: classes.sort((a, b) => b.score - a.score).slice(0, topK) };
}
