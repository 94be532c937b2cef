/**
 * How long computing takes, measured while it goes on: the seconds that a second of sound takes.
 *
 * What is expected of a clip follows from it, and so who can be answered in time.
 *
 * @module
 */

/** Beyond so many jobs what was measured no longer counts. */
const REMEMBERED_JOBS = 20;
/** What is not in proportion to the sound weighs as much as so many seconds of it. */
const LEAST_SOUND_SECONDS = 0.25;

/** Seconds of computing for each second of sound, of the latest jobs. */
export class Pace {
  #soundSeconds = 0;
  #jobSeconds = 0;

  /** Takes what a job has shown. */
  add(soundSeconds: number, jobSeconds: number): void {
    const kept = 1 - 1 / REMEMBERED_JOBS;
    this.#soundSeconds = kept * this.#soundSeconds + Math.max(soundSeconds, LEAST_SOUND_SECONDS);
    this.#jobSeconds = kept * this.#jobSeconds + jobSeconds;
  }

  /** Seconds that computing so much sound will take; none before the first job has shown it. */
  expected(soundSeconds: number): number {
    if (this.#soundSeconds === 0) return 0;
    const each = this.#jobSeconds / this.#soundSeconds;
    return Math.max(soundSeconds, LEAST_SOUND_SECONDS) * each;
  }
}
