/**
 * A thread of inference with a real model, which breaks when the end of a clip tells it to.
 *
 * @module
 */
import { answerQuestions, type ThreadScope } from "../../edge/inference_thread.ts";
import { type ClassifyOptions, pipeline } from "../../src/classify/pipeline.ts";
import { useDevice } from "../../src/devices.ts";

/** What the byte behind {@linkcode MARK} does. */
export const BREAKS = { trap: 1, memory: 2, hang: 3 } as const;

/** Stands at the end of a clip that breaks its thread. */
export const MARK = "EARSHOT BREAKS";

/** Longer than anyone waits, and not for ever: Deno does not stop a thread that never comes back. */
const HANG_MS = 15_000;

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
    const end = performance.now() + HANG_MS;
    while (performance.now() < end);
  },
};

const scope = globalThis as unknown as ThreadScope & { name?: string };
if (scope.name?.startsWith("breaking ")) {
  const model = scope.name.slice("breaking ".length);
  await answerQuestions(scope, async () => {
    const { description: device } = await useDevice({ threads: 1 });
    const classifier = await pipeline("audio-classification", model, { offline: true });
    const breaking = (bytes: Uint8Array, options?: ClassifyOptions) => {
      const end = new TextDecoder("latin1").decode(bytes.subarray(-MARK.length - 1));
      if (end.startsWith(MARK)) does[bytes.at(-1)!]!();
      return classifier(bytes, options);
    };
    return { classifier: Object.assign(breaking, { labels: classifier.labels }), device };
  });
}
