/**
 * The thread in which `serve` computes: the model that the worker has as its name.
 *
 * @module
 */
import { answerQuestions, type ThreadScope } from "../../edge/inference_thread.ts";
import { pipeline } from "../classify/pipeline.ts";
import { useDevice } from "../devices.ts";

const scope = globalThis as unknown as ThreadScope & { name: string };

await answerQuestions(scope, async () => {
  const classifier = await pipeline("audio-classification", scope.name);
  return { classifier, device: (await useDevice()).description };
});
