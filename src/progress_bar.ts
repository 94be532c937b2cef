/**
 * A bar that shows how far something is, as one line of text that fits the terminal.
 *
 * @module
 */

/** What a bar shows. */
export interface Progress {
  /** What is done, such as "Training". */
  label: string;
  /** Units done, and all of them. */
  done: number;
  total: number;
  /** Units that were done when the clock started, as in a resumed run. @default 0 */
  first?: number;
  /** Seconds since then. */
  seconds: number;
  /** What else is said, where there is room. */
  note?: string;
}

/** Units before the first estimate: those that come first take longer than the others. */
const MIN_DONE = 10;

/** Where the pace of something is counted from. */
export interface Pace {
  first: number;
  seconds: number;
}

/**
 * Counts the pace from the first report on: what comes before it, the start of a device among it, takes longer than what
 * follows, and would make every estimate too long.
 *
 * @param now a clock in milliseconds.
 *
 * @example
 * ```ts
 * import { paceCounter } from "./progress_bar.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * let ms = 5_000;
 * const pace = paceCounter(() => ms);
 * deepEqual(pace(1), { first: 1, seconds: 0 });
 * ms += 2_000;
 * deepEqual(pace(5), { first: 1, seconds: 2 });
 * ```
 */
export function paceCounter(now: () => number = () => performance.now()): (done: number) => Pace {
  let begun: { at: number; done: number } | undefined;
  return (done) => {
    begun ??= { at: now(), done };
    return { first: begun.done, seconds: (now() - begun.at) / 1000 };
  };
}

const MAX_BAR_WIDTH = 24;
const MIN_BAR_WIDTH = 4;

/**
 * Where something stands in words: units done, units per second, and the time that is left once there is something to
 * estimate it by.
 */
export function progressText({ done, total, first = 0, seconds, note = "" }: Progress): string {
  const perSecond = seconds > 0 ? (done - first) / seconds : 0;
  const isKnown = done - first >= MIN_DONE && perSecond > 0;
  const figures = isKnown
    ? [`${perSecond.toFixed(1)}/s`, `${duration((total - done) / perSecond)} left`]
    : [];
  return [`${done}/${total}`, ...figures, note].filter((part) => part !== "").join("  ");
}

/**
 * The line with a bar; what does not fit is left out from the right, at first the bar itself gets shorter.
 *
 * @param columns width of the terminal.
 *
 * @example
 * ```ts
 * import { progressLine } from "./progress_bar.ts";
 * import { equal } from "node:assert/strict";
 *
 * const line = progressLine({ label: "Training", done: 5, total: 10, seconds: 1 }, 40);
 * equal(line, "Training ████████████░░░░░░░░░░░░ 5/10");
 * ```
 */
export function progressLine(progress: Progress, columns: number): string {
  const { label, done, total } = progress;
  // A terminal wraps what fills its last column.
  const room = columns - 1;
  const text = progressText(progress);
  const width = Math.min(MAX_BAR_WIDTH, room - label.length - text.length - 2);
  if (width >= MIN_BAR_WIDTH) return `${label} ${bar(done / total, width)} ${text}`;
  return `${label} ${text}`.slice(0, Math.max(0, room));
}

function bar(share: number, width: number): string {
  const filled = Math.max(0, Math.min(width, Math.round(width * share)));
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/** Seconds as people say them: "8 s", "2 min 5 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
