/**
 * A thread of inference that breaks when a clip's last byte tells it to.
 *
 * @module
 */
import { answerQuestions, type ThreadScope } from "../../edge/inference_thread.ts";
import { breakBy } from "../breaking.ts";
import { fakeClassifier } from "./_served.ts";

const HANG_MS = 60_000;

const scope = globalThis as unknown as ThreadScope & { name?: string };
if (scope.name === "breaking") {
  const answer = fakeClassifier();
  const classify = (bytes: Uint8Array) => {
    breakBy(bytes.at(-1), HANG_MS);
    return answer(bytes);
  };
  const classifier = Object.assign(classify, { labels: answer.labels });
  await answerQuestions(scope, () => Promise.resolve({ classifier, device: "a test" }));
}
