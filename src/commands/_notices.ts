/**
 * What loading found odd about clips, gathered and reported in a few lines.
 *
 * @module
 */
import type { ClipNotice } from "../data/loader.ts";
import type { Output } from "./_output.ts";

const SHOWN = 3;

const HEADINGS: Readonly<Record<ClipNotice["kind"], readonly [one: string, many: string]>> = {
  skipped: ["clip cannot be used and was left out", "clips cannot be used and were left out"],
  silent: ["clip is silent", "clips are silent"],
  long: ["clip is too long to hear at once", "clips are too long to hear at once"],
  odd: ["clip was read with a doubt", "clips were read with a doubt"],
};

/** Notices that were not printed yet. */
export class ClipNotices {
  #waiting: ClipNotice[] = [];

  /** Keeps a notice until {@linkcode ClipNotices.print}. */
  add(notice: ClipNotice): void {
    this.#waiting.push(notice);
  }

  /** Prints how many clips there are of each kind, and names the first three. */
  print(out: Output): void {
    for (const kind of ["skipped", "silent", "long", "odd"] as const) {
      const found = this.#waiting.filter((notice) => notice.kind === kind);
      if (found.length === 0) continue;
      const more = found.length > SHOWN ? `, the first ${SHOWN} of them` : "";
      out.warn(`Warning: ${found.length} ${HEADINGS[kind][found.length > 1 ? 1 : 0]}${more}:`);
      for (const { message } of found.slice(0, SHOWN)) out.warn(`- ${message}`);
    }
    this.#waiting = [];
  }
}
