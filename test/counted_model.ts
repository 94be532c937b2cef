/**
 * A model whose work is counted, for tests and benchmarks of work that is shared.
 *
 * @module
 */
import { countFlops } from "../src/flops.ts";
import type { InferenceModel } from "../src/models/mod.ts";

/** The same model, and how many floating-point operations the products of its calls took so far. */
export function counted(model: InferenceModel): { model: InferenceModel; flops: () => number } {
  let flops = 0;
  const counting = new Proxy(model, {
    get(target, key) {
      const member = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        let result: unknown;
        flops += countFlops(() => result = member.apply(target, args));
        return result;
      };
    },
  });
  return { model: counting, flops: () => flops };
}
