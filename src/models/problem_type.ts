/**
 * What a model's outputs mean, as `problem_type` of `config.json` says it.
 *
 * The reference has this for one architecture; here it holds for all of them.
 *
 * @module
 */
import type { ConfigReader } from "./_config_reader.ts";
import type { Architecture } from "./architecture.ts";

/**
 * One class of several (softmax cross-entropy), any number of them (a sigmoid each, binary cross-entropy), or
 * values (squared error).
 */
export type ProblemType =
  | "single_label_classification"
  | "multi_label_classification"
  | "regression";

/** All of them. */
export const PROBLEM_TYPES: readonly ProblemType[] = [
  "single_label_classification",
  "multi_label_classification",
  "regression",
];

/**
 * The field `problem_type`; without it what the architecture says, or else a single output is a value, and several are
 * classes.
 */
export function problemTypeOf(
  reader: ConfigReader,
  classes: number,
  { impliedProblem }: Pick<Architecture, "impliedProblem">,
): ProblemType {
  const ofCount = classes === 1 ? "regression" : "single_label_classification";
  const implied = impliedProblem?.(reader.json) ?? ofCount;
  return reader.oneOf("problem_type", PROBLEM_TYPES, implied);
}
