/**
 * How well the model does, and how far that can be trusted.
 *
 * @module
 */
import { counted, joined, type Section, table, text } from "./_markdown.ts";
import { heading, knownMetric } from "./_metric_names.ts";
import type { ModelCardFacts } from "./card_facts.ts";

/** The figures of the evaluation; nothing where there was none. */
export function evaluationSection({ evaluation }: ModelCardFacts): Section | undefined {
  if (!evaluation) return undefined;
  const { split, samples, metrics, accuracyInterval } = evaluation;
  const rows = Object.entries(metrics).filter(([, value]) => Number.isFinite(value))
    .map(([key, value]) => [text(knownMetric(key)?.name ?? heading(key)), value.toFixed(4)]);
  const on = `On the ${text(split)} split`;
  const clips = samples === undefined ? `${on}:` : `${on}, ${counted(samples, "clip")}:`;
  return {
    title: "Evaluation",
    content: joined([
      clips,
      table([["Metric", "Value"], ...rows]),
      accuracyInterval && intervalText(accuracyInterval),
    ]),
  };
}

function intervalText({ low, high }: { low: number; high: number }): string {
  const percent = (share: number) => (100 * share).toFixed(2);
  return `The accuracy lies between ${percent(low)} and ${percent(high)} % with a chance of 95 % ` +
    "(Wilson's interval of a share).";
}
