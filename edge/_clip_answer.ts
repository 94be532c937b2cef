/**
 * The answer to a clip that is in hand: computed whole, or in windows where it is too long, in its turn.
 *
 * @module
 */
import type { Context } from "hono";
import { TooLongError } from "../src/audio/too_long.ts";
import type { ClassifyOptions } from "../src/classify/pipeline.ts";
import { noteSound } from "./_access_log.ts";
import type { ClipCost } from "./_clip_cost.ts";
import type { ClipRequest } from "./_clip_request.ts";
import { headsOf, headsWith } from "./_heads_request.ts";
import { BusyError } from "./_busy_error.ts";
import type { JobOptions, Ticket, Turn } from "./_queue.ts";
import type { Place } from "./_recordings.ts";
import type { Service } from "./_service.ts";
import type { ServedClassifier } from "./mod.ts";
import { ThreadError } from "./threaded_classifier.ts";

/** What is asked of a clip. */
export interface ClipWork extends ClipRequest, ClipCost {
  classifier: ServedClassifier;
  /** The head of the path or the query. */
  head?: string;
}

/** Computes an answer. */
export type Answer = (work: ClipWork) => Promise<unknown>;

/** The header that says what was odd about a clip, or about how it was heard. */
const WARNING = "X-Earshot-Warning";

/** A clip is not waited for longer than so many times what it should take, where that is longer than the least. */
const PATIENCE = 50;
/** The least, as a part of the deadline: less than clips may wait, so that those behind one that hangs are not late. */
const LEAST_PART = 6;
/** The most, as such a part, unless it takes that long anyway: then it may be so many times as slow as it was. */
const MOST_PART = 2;
const SLOWEST = 8;

/** The answer by one head. */
export function oneHead({ classifier, head, bytes, options }: ClipWork): Promise<unknown> {
  headsWith(classifier, head);
  return classifier(bytes, { ...options, ...head !== undefined && { head } });
}

/** The answers of all heads. */
export function allHeads({ classifier, bytes, options }: ClipWork): Promise<unknown> {
  return headsOf(classifier).classify(bytes, options);
}

/** Computes the answer in turn with all others. */
export async function answerClip(
  c: Context,
  service: Service,
  { work, ticket, answer }: { work: ClipWork; ticket: Ticket; answer: Answer },
): Promise<Response> {
  const { meter } = service.queue;
  const warnings = work.unknown.map((name) => `Ignored parameter "${name}", which there is not`);
  const options: ClassifyOptions = {
    ...work.options,
    maxDecodedBytes: service.limits.maxDecodedBytes,
    onDecoded: ({ seconds, decodingSeconds }) => {
      noteSound(c, seconds);
      meter.decoded(seconds, decodingSeconds);
    },
    onWarning: (message) => void warnings.push(message),
  };
  const clip = new InTurn(service, { ...work, options }, {
    ticket,
    answer,
    request: c.req.raw,
  });
  const found = await inTime(clip.answer(), ticket.endBy);
  if (warnings.length === 0) return c.json(found as object);
  const header = warnings.join("; ").replaceAll(/[^ -~]+/g, "?");
  return c.json(found as object, 200, { [WARNING]: header });
}

/** Who waits is answered when the time is over; the thread ends what it has begun, and nothing more is. */
async function inTime<T>(work: Promise<T>, endBy: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = "Cannot answer the request: expected less to be in hand, found its time over";
    const leftMs = Math.max(0, endBy - performance.now());
    timer = setTimeout(() => reject(new BusyError(message)), leftMs);
  });
  // Nobody may be waiting for it any more.
  work.catch(() => {});
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

interface Asking {
  ticket: Ticket;
  answer: Answer;
  request: Request;
}

/** One clip on its way through the queue. */
class InTurn {
  readonly #service: Service;
  readonly #work: ClipWork;
  readonly #asking: Asking;
  #isNext = false;
  /** Whether a thread has had it in windows. */
  #isBegun = false;

  constructor(service: Service, work: ClipWork, asking: Asking) {
    this.#service = service;
    this.#work = work;
    this.#asking = asking;
  }

  /** A thread that ended for somebody else's clip is asked once more, with nobody else. */
  async answer(): Promise<unknown> {
    try {
      return await this.#whole(this.#batch);
    } catch (error) {
      this.#isNext = true;
      if (error instanceof TooLongError) return await this.#inWindows();
      if (!isOthers(error)) throw error;
      return await this.#whole();
    }
  }

  #whole(batch?: string): Promise<unknown> {
    const { ticket } = this.#asking;
    return this.#service.queue.run(
      (turn) => this.#ask(this.#worker(turn.worker), this.#limitsOf(ticket.seconds, turn)),
      { ...this.#job, seconds: ticket.seconds, batch },
    );
  }

  async #inWindows(): Promise<unknown> {
    try {
      return await this.#windows();
    } catch (error) {
      if (!isOthers(error)) throw error;
      return await this.#windows();
    }
  }

  #windows(): Promise<unknown> {
    const { ticket, request } = this.#asking;
    const { recordings } = this.#service.queue;
    return recordings.hear(ticket, (place) => this.#windowsAt(place), {
      ...{ request, isNext: this.#isBegun },
    });
  }

  async #windowsAt(place: Place): Promise<unknown> {
    const { queue } = this.#service;
    const { worker } = place;
    this.#isBegun = true;
    return await this.#ask(this.#worker(worker), {
      ...this.#limitsOf(WINDOW_SECONDS),
      longClips: "windows",
      turn: (compute, seconds = WINDOW_SECONDS) =>
        place.hear(
          seconds,
          compute,
          (run) => queue.run(run, { ...this.#job, worker, seconds }),
        ),
    });
  }

  #ask(classifier: ServedClassifier, options: ClassifyOptions): Promise<unknown> {
    const work = this.#work;
    return this.#asking.answer({
      ...work,
      classifier,
      options: { ...work.options, ...options },
    });
  }

  /** The model in one thread, or where there is none. */
  #worker(worker: number): ServedClassifier {
    const { classifier } = this.#work;
    return classifier.workers?.[worker] ?? classifier;
  }

  get #job(): JobOptions {
    const { ticket, request } = this.#asking;
    return { ticket, request, isNext: this.#isNext };
  }

  /** Clips of equal length are computed at once where the same is asked of all. */
  get #batch(): string | undefined {
    const { classifier, head, options, clipSeconds } = this.#work;
    if (!classifier.workers || clipSeconds === undefined) return undefined;
    const { functionToApply, rawScores } = options;
    return [this.#asking.answer.name, clipSeconds, head, functionToApply, rawScores].join();
  }

  /** What only threads are asked for. */
  #limitsOf(seconds: number, turn?: Turn): ClassifyOptions {
    if (!this.#work.classifier.workers) return {};
    const { queue } = this.#service;
    const { deadlineMs } = queue.limits;
    const expectedMs = 1_000 * queue.pace.expected(seconds);
    // Before the first answer nothing is known: a large model on a slow machine may take all the time that there is.
    const patienceMs = expectedMs === 0
      ? deadlineMs
      : Math.min(PATIENCE * expectedMs, deadlineMs / MOST_PART);
    return {
      ...turn?.group && { group: turn.group },
      // Not what is left for the clip: a thread that is only slow is worth more than the clip that it is at.
      computeTimeoutMs: Math.max(deadlineMs / LEAST_PART, patienceMs, SLOWEST * expectedMs),
    } as ClassifyOptions;
  }
}

/** Seconds of sound of a window, about. */
const WINDOW_SECONDS = 30;

function isOthers(error: unknown): boolean {
  return error instanceof ThreadError && error.isOthers;
}
