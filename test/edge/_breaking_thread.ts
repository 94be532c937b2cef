/**
 * A thread of inference that breaks when a clip's last byte tells it to.
 *
 * @module
 */
import { answerQuestions, type ThreadScope } from "../../edge/inference_thread.ts";
import { fakeClassifier } from "./_served.ts";

/** What the last byte of a clip does to the thread. */
export const BREAKS = { trap: 1, memory: 2, hang: 3 } as const;

/** A module whose one function is `unreachable`. */
const TRAP = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
  ...[7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11],
);

const does: Readonly<Record<number, () => void>> = {
  [BREAKS.trap]: () => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(TRAP));
    (exports.f as () => void)();
  },
  [BREAKS.memory]: () => void new Float64Array(2 ** 33),
  [BREAKS.hang]: () => {
    // Longer than anyone waits, and not for ever: Deno does not stop a thread that never comes back.
    const end = performance.now() + 60_000;
    while (performance.now() < end);
  },
};

const scope = globalThis as unknown as ThreadScope & { name?: string };
if (scope.name === "breaking") {
  const answer = fakeClassifier();
  const classify = (bytes: Uint8Array) => {
    does[bytes.at(-1)!]?.();
    return answer(bytes);
  };
  const classifier = Object.assign(classify, { labels: answer.labels });
  await answerQuestions(scope, () => Promise.resolve({ classifier, device: "a test" }));
}
