/**
 * A thread of inference with a real model, which breaks when the end of a clip tells it to.
 *
 * @module
 */
import { answerQuestions, type ThreadScope } from "../../edge/inference_thread.ts";
import { type ClassifyOptions, pipeline } from "../../src/classify/pipeline.ts";
import { useDevice } from "../../src/devices.ts";
import { breakBy } from "../../test/breaking.ts";

/** Stands before the last byte of a clip that breaks its thread. */
export const MARK = "EARSHOT BREAKS";

const HANG_MS = 15_000;

const scope = globalThis as unknown as ThreadScope & { name?: string };
if (scope.name?.startsWith("breaking ")) {
  const model = scope.name.slice("breaking ".length);
  await answerQuestions(scope, async () => {
    const { description: device } = await useDevice({ threads: 1 });
    const classifier = await pipeline("audio-classification", model, { offline: true });
    const breaking = (bytes: Uint8Array, options?: ClassifyOptions) => {
      const end = new TextDecoder("latin1").decode(bytes.subarray(-MARK.length - 1));
      if (end.startsWith(MARK)) breakBy(bytes.at(-1), HANG_MS);
      return classifier(bytes, options);
    };
    return { classifier: Object.assign(breaking, { labels: classifier.labels }), device };
  });
}
