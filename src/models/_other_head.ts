/**
 * What a head is that stands on a base in the place of the one which gives the classes of a clip.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type {
  ClassificationHeadConfig,
  ClassificationHeadSizes,
} from "../layers/classification_head.ts";
import type { ParameterReader } from "../layers/parameters.ts";
import type { ConfigReader } from "./_config_reader.ts";
import type { HeadKind, HeadOutput } from "./architecture.ts";
import type { ProblemType } from "./problem_type.ts";

/** What a base's config says that heads of any kind need. */
export type HeadedConfig = ClassificationHeadConfig & ClassificationHeadSizes;

/** A kind of head, on whatever base. */
export interface OtherHead<Params = unknown, Fields = unknown> {
  kind: HeadKind;
  /** What the names of its classes end with. */
  suffix: string;
  /** What the outputs mean where `problem_type` is silent. */
  impliedProblem: ProblemType;
  /** Validates its own fields of `config.json`. */
  fields(reader: ConfigReader): Fields;
  /** Asks the reader for its parameters, but for the weights of a sum over layers. */
  load(reader: ParameterReader, config: HeadedConfig & Fields): Promise<Params>;
  /**
   * What it says of clips. **Shape** `state [B, T, D]`
   *
   * @param context `lengths`: the frames of each clip that are no padding, where some are.
   */
  answer(
    params: Params,
    state: Tensor,
    context: { config: Fields; lengths?: readonly number[] },
  ): HeadOutput;
  /** The fewest frames that it takes. */
  fewestFrames(config: Fields): number;
  /** Whether what it gives does not depend on the frames behind those of a clip. */
  isBlindToPadding(config: Fields): boolean;
  /** Scores of the classes by the logits of a clip, where these are something else. **Shape** `[P]` -> `[N]` */
  clipScores?(params: Params, logits: Float32Array): Float32Array;
}
