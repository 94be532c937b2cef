/**
 * From scores over time to events: thresholds, filters, and what is too short or too near.
 *
 * **Time.** A window's scores are taken as those of the hop around its centre: they hold from half a hop before the
 * centre to half a hop behind it. The first window's also hold from the recording's start, the last one's to its end.
 * A sound shorter than the window is so heard for about as long as the window, around its own middle: windows should be
 * no longer than the sounds that they are to place.
 *
 * **Order.** For each class by itself: the scores are filtered, a sound begins with a score of `threshold` or more and
 * lasts while it stays at `offThreshold` or more, gaps shorter than `minGapSamples` are closed, and what is then
 * shorter than `minEventSamples` is left out. Then classes are compared: of events of different ones that are nearer
 * than `minApartSamples` the one that weighs most is kept.
 *
 * @module
 */

import { BestApart, type WeighedEvent } from "./_best_apart.ts";
import { ScoreFilters } from "./_score_filter.ts";

/** When a class is heard. */
export interface ClassThresholds {
  /** The class's number. */
  index: number;
  /** Score from which it is heard. */
  on: number;
  /** Score below which it no longer is; `on` or less. */
  off: number;
}

/** How scores become events. */
export interface EventOptions {
  /** The classes that may be heard. */
  classes: readonly ClassThresholds[];
  /** Windows whose mean is taken, an odd number; 1 for none. */
  meanWindows: number;
  /** Windows of the median filter, which comes next, an odd number; 1 for none. */
  medianWindows: number;
  /** Shorter events are left out. */
  minEventSamples: number;
  /** Events of a class that are nearer to each other become one. */
  minGapSamples: number;
  /** Of events of different classes that are nearer to each other the heaviest is kept; 0 for all. */
  minApartSamples: number;
}

/** The scores of a stretch of time. */
export interface ScoredSpan {
  /** The number of its first sample: that behind the span before. */
  start: number;
  /** The number behind its last sample. */
  end: number;
  /** By class number. */
  scores: ArrayLike<number>;
}

/** An event, by numbers of samples. */
export interface FoundEvent {
  /** The class's number. */
  index: number;
  start: number;
  end: number;
  score: number;
  state: "began" | "ended";
}

/** A class that is heard, or was heard until lately. */
interface OpenEvent extends WeighedEvent {
  score: number;
  /** Whether the sound was still there in the last span. */
  isActive: boolean;
  isTold: boolean;
}

/** Finds the events in scores as they come. */
export class EventFinder {
  readonly #options: EventOptions;
  readonly #filters: ScoreFilters;
  readonly #open: (OpenEvent | undefined)[];
  /** Undefined where classes are not compared. */
  readonly #apart?: BestApart<OpenEvent>;

  /** Starts with nothing heard. */
  constructor(options: EventOptions) {
    this.#options = options;
    this.#filters = new ScoreFilters(options);
    this.#open = options.classes.map(() => undefined);
    if (options.minApartSamples > 0) this.#apart = new BestApart(options.minApartSamples);
  }

  /** What is known with one more span: events that begin, and others that are over. */
  push(span: ScoredSpan): FoundEvent[] {
    return this.#filters.push(this.#ofClasses(span)).flatMap((filtered) => this.#step(filtered));
  }

  /** What is left at the recording's end. */
  finish(end: number): FoundEvent[] {
    const spans = this.#filters.finish();
    const found = spans.flatMap((span) => this.#step(span));
    const events = this.#open.flatMap((event, i) => {
      if (event?.isActive) event.end = Math.max(event.end, end);
      return this.#close(i);
    });
    const settled = this.#settled(Infinity);
    return [...found, ...[...events, ...settled].sort((a, b) => a.start - b.start)];
  }

  /** Only the scores that count, in the order of the classes that do. */
  #ofClasses({ start, end, scores }: ScoredSpan): ScoredSpan {
    const own = Float64Array.from(this.#options.classes, ({ index }) => scores[index]!);
    return { start, end, scores: own };
  }

  #step(span: ScoredSpan): FoundEvent[] {
    const found = this.#options.classes.flatMap((_, i) => this.#stepClass(i, span));
    return [...found, ...this.#settled(span.end)];
  }

  /** The events that were compared with others and stay. */
  #settled(now: number): FoundEvent[] {
    if (!this.#apart) return [];
    const open = this.#open.filter((event) => event !== undefined);
    return this.#apart.settle(open, now, (event) => this.#isLong(event))
      .flatMap((event) => [this.#found(event, "began"), this.#found(event, "ended")]);
  }

  #stepClass(i: number, { start, end, scores }: ScoredSpan): FoundEvent[] {
    const { classes, minGapSamples } = this.#options;
    const { index, on, off } = classes[i]!;
    const score = scores[i]!;
    let event = this.#open[i];
    if (score >= (event?.isActive ? off : on)) {
      event ??= this.#open[i] = {
        index,
        start,
        end,
        score,
        weight: 0,
        isActive: true,
        isTold: false,
      };
      event.isActive = true;
      event.end = end;
      event.score = Math.max(event.score, score);
      event.weight += score * (end - start);
      if (this.#apart || event.isTold || !this.#isLong(event)) return [];
      event.isTold = true;
      return [this.#found(event, "began")];
    }
    if (event === undefined) return [];
    event.isActive = false;
    return end - event.end >= minGapSamples ? this.#close(i) : [];
  }

  #close(i: number): FoundEvent[] {
    const event = this.#open[i];
    this.#open[i] = undefined;
    if (event === undefined || !this.#isLong(event)) return [];
    if (this.#apart) {
      this.#apart.close(event);
      return [];
    }
    const ended = this.#found(event, "ended");
    return event.isTold ? [ended] : [this.#found(event, "began"), ended];
  }

  #isLong({ start, end }: OpenEvent): boolean {
    return end - start >= this.#options.minEventSamples;
  }

  #found({ index, start, end, score }: OpenEvent, state: FoundEvent["state"]): FoundEvent {
    return { index, start, end, score, state };
  }
}
