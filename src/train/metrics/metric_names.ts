/**
 * Names of metrics, as logs and files have them: with the prefix of what was measured.
 *
 * @module
 */

/** "accuracy" as "eval_accuracy"; a name that has the prefix stays as it is. */
export function withPrefix(name: string, prefix: string): string {
  return name.startsWith(`${prefix}_`) ? name : `${prefix}_${name}`;
}

/** Metrics under a prefix. */
export function prefixed(metrics: Record<string, number>, prefix: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [withPrefix(name, prefix), value]),
  );
}

/**
 * Seconds and what was done per second, rounded as the reference does.
 *
 * @param prefix "train", "eval" or another.
 */
export function speedMetrics(
  prefix: string,
  seconds: number,
  done: { samples: number; steps: number },
): Record<string, number> {
  const perSecond = (count: number): number =>
    Math.round(1000 * count / Math.max(seconds, 1e-9)) / 1000;
  return {
    [`${prefix}_runtime`]: Math.round(1e4 * seconds) / 1e4,
    [`${prefix}_samples_per_second`]: perSecond(done.samples),
    [`${prefix}_steps_per_second`]: perSecond(done.steps),
  };
}
