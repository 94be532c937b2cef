/**
 * The thread in which `serve` computes: the model that the worker has as its name, in JSON.
 *
 * @module
 */
import { answerQuestions, type ThreadScope } from "../../edge/inference_thread.ts";
import { type ComputingLimits, longestClip } from "../../edge/warm_up.ts";
import { pipeline } from "../classify/pipeline.ts";
import { useDevice } from "../devices.ts";

/** What is served. */
export interface ServedModel {
  /** The model directory. */
  model: string;
  /** Low-rank changes that go onto it. */
  adapter?: string;
  /** Directories of heads by name, where there may be several. */
  heads?: Readonly<Record<string, string>>;
  /** WASM threads. */
  threads?: number;
  /** What computing may take. */
  limits: ComputingLimits;
}

const scope = globalThis as unknown as ThreadScope & { name: string };

await answerQuestions(scope, async () => {
  const { model, adapter, heads, threads, limits }: ServedModel = JSON.parse(scope.name);
  const { description: device } = await useDevice({ threads });
  const options = { adapter, maxSeconds: limits.maxSeconds, offline: true };
  const classifier = heads
    ? await pipeline("audio-classification", model, { ...options, heads })
    : await pipeline("audio-classification", model, options);
  if (!heads) classifier.model.expectClipHead(`serve "${model}"`, { speakers: true });
  return { classifier, device, maxSeconds: await longestClip(classifier, limits) };
});
