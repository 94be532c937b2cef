/**
 * What is found, and how it is written.
 *
 * @module
 */

/** A figure, and whether it is as it has to be; undefined where it is only reported. */
export interface Finding {
  phase: string;
  what: string;
  found: string;
  isRight?: boolean;
}

/** Findings of work that reports each as it comes. */
export async function* reported(
  work: (report: (finding: Finding) => void) => Promise<void>,
): AsyncGenerator<Finding> {
  const found: Finding[] = [];
  let news = Promise.withResolvers<void>();
  let isOver = false;
  const done = work((finding) => {
    found.push(finding);
    news.resolve();
  }).finally(() => {
    isOver = true;
    news.resolve();
  });
  // Whoever reads to the end gets the error.
  done.catch(() => {});
  while (!isOver || found.length > 0) {
    if (found.length === 0) await news.promise;
    news = Promise.withResolvers();
    yield* found.splice(0);
  }
  await done;
}

/** A time. */
export function milliseconds(ms: number): string {
  return Number.isNaN(ms) ? "none" : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
