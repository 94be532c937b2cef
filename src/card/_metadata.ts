/**
 * The metadata of a card as YAML, in the fields that the hub checks and searches.
 *
 * @module
 */
import { stringify } from "yaml";
import { listed } from "./_markdown.ts";
import { type KnownMetric, knownMetric } from "./_metric_names.ts";
import type { CardEvaluation, ModelCardFacts } from "./card_facts.ts";

const TASK = "audio-classification";

/** The metadata, without the lines around it. */
export function metadataYaml(facts: ModelCardFacts): string {
  const { license, finetunedFrom, dataset, evaluation, isForTransformers = true } = facts;
  const metrics = knownMetrics(evaluation).map(({ type }) => type);
  const fields: Record<string, unknown> = {
    language: orNothing(listed(facts.language)),
    license,
    library_name: isForTransformers ? "transformers" : undefined,
    pipeline_tag: TASK,
    base_model: finetunedFrom,
    tags: [...new Set(tagsOf(facts))],
    datasets: dataset?.id === undefined ? undefined : [dataset.id],
    metrics: orNothing([...new Set(metrics)]),
    "model-index": evaluation && modelIndex(facts, evaluation),
  };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  // The hub and Python read YAML 1.1, in which a bare "no" is false and "1:30" a number.
  return stringify(Object.fromEntries(known), { version: "1.1", lineWidth: 0 });
}

function orNothing(list: readonly string[]): readonly string[] | undefined {
  return list.length > 0 ? list : undefined;
}

function tagsOf({ history, tags }: ModelCardFacts): string[] {
  const trained = (history?.length ?? 0) > 0;
  return [TASK, "earshot", ...trained ? ["generated_from_trainer"] : [], ...listed(tags)];
}

/** Those that the hub knows, and that the data defines. */
function knownMetrics(evaluation: CardEvaluation | undefined): (KnownMetric & { value: number })[] {
  return Object.entries(evaluation?.metrics ?? {}).flatMap(([key, value]) => {
    const known = knownMetric(key);
    return known && Number.isFinite(value) ? [{ ...known, value }] : [];
  });
}

/** The hub drops a result that lacks its task, its data set or its metrics. */
function modelIndex(
  { modelName, dataset }: ModelCardFacts,
  evaluation: CardEvaluation,
): unknown[] | undefined {
  const metrics = knownMetrics(evaluation).map(({ name, type, value, average }) => ({
    name,
    type,
    value,
    ...average !== undefined && { args: { average } },
  }));
  if (metrics.length === 0) return undefined;
  const { id, name = id, config, revision } = dataset ?? {};
  const data = {
    // What is not on the hub has the name that transformers gives to folders of recordings.
    type: id ?? "audiofolder",
    name: name ?? "recordings of its maker",
    ...config !== undefined && { config },
    split: evaluation.split,
    ...revision !== undefined && { revision },
  };
  const task = { type: TASK, name: "Audio Classification" };
  return [{ name: modelName, results: [{ task, dataset: data, metrics }] }];
}
