/**
 * The best classes as bars, and events on a timeline.
 *
 * @module
 */
import type { Heard, HeardEvent } from "./engine.ts";
import { clock, element, made, percent } from "./page.ts";

const MAX_LANES = 8;
/** How often a screen reader is told what is heard while sound goes on. */
const SPEAK_EVERY_MS = 2_500;

let spokenAt = 0;

/** Shows the best classes. */
export function showBest(best: readonly Heard[], { isLive = false } = {}): void {
  element("result").hidden = false;
  element("bars").replaceChildren(
    ...best.slice(0, 5).map(({ label, score }) => {
      const bar = made("span", { className: "bar" });
      bar.style.width = `${Math.max(0, Math.min(100, 100 * score))}%`;
      return made(
        "li",
        {},
        bar,
        made("span", { className: "label" }, label),
        made("span", { className: "score" }, percent(score)),
      );
    }),
  );
  const [first] = best;
  if (!first || isLive && performance.now() - spokenAt < SPEAK_EVERY_MS) return;
  spokenAt = performance.now();
  element("spoken").textContent = `${first.label}, ${percent(first.score)}`;
}

/** The events of one recording. */
export class Timeline {
  readonly #events: HeardEvent[] = [];
  readonly #seek?: (seconds: number) => void;
  #seconds: number;
  #isDrawn = true;

  /** @param seek plays from there; without it events are no buttons. */
  constructor(seconds: number, seek?: (seconds: number) => void) {
    this.#seconds = seconds;
    this.#seek = seek;
    element("event-list").replaceChildren();
    // Without buttons in it the keyboard scrolls the list itself.
    element("event-list").tabIndex = seek ? -1 : 0;
    element("lanes").replaceChildren();
    element("events").hidden = false;
  }

  /** How many there are. */
  get count(): number {
    return this.#events.length;
  }

  /** How far it has been heard, in seconds. */
  reached(seconds: number): void {
    if (seconds > this.#seconds) this.#seconds = seconds;
  }

  /** Adds one. */
  add(event: HeardEvent): void {
    this.#events.push(event);
    this.reached(event.end);
    const text = [
      made("span", { className: "label" }, event.label),
      made("span", { className: "score" }, `${clock(event.start)} – ${clock(event.end)}`),
    ];
    const { start } = event;
    const node = this.#seek
      ? made("button", { type: "button", onclick: () => this.#seek!(start) }, ...text)
      : made("div", { className: "event" }, ...text);
    element("event-list").append(made("li", {}, node));
    this.#drawSoon();
  }

  /** Many events come at once; one drawing does for all of a frame. */
  #drawSoon(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    requestAnimationFrame(() => this.draw());
  }

  /** Draws a lane for each of the classes that are heard longest. */
  draw(): void {
    this.#isDrawn = true;
    const length = this.#seconds || 1;
    const total = new Map<string, number>();
    for (const { label, start, end } of this.#events) {
      total.set(label, (total.get(label) ?? 0) + end - start);
    }
    const labels = [...total].sort(([, a], [, b]) => b - a).slice(0, MAX_LANES);
    const lanes = labels.map(([label]) => {
      const marks = this.#events.filter((event) => event.label === label).map((event) => {
        const mark = made("i");
        mark.style.left = `${100 * event.start / length}%`;
        mark.style.width = `${100 * (event.end - event.start) / length}%`;
        return mark;
      });
      return lane(label, "lane", marks);
    });
    const axis = lanes.length > 0 ? [lane("", "lane axis", ticks(length))] : [];
    element("lanes").replaceChildren(...lanes, ...axis);
  }
}

function lane(name: string, className: string, children: Node[]): HTMLElement {
  return made(
    "div",
    { className },
    made("span", { title: name }, name),
    made("div", { className: "track" }, ...children),
  );
}

function ticks(length: number): HTMLElement[] {
  const parts = element("lanes").clientWidth < 500 ? 2 : 4;
  return Array.from({ length: parts + 1 }, (_, i) => {
    const tick = made("b", {}, clock(length * i / parts, length < 20 ? 1 : 0));
    tick.style.left = `${100 * i / parts}%`;
    return tick;
  });
}
