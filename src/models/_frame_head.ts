/**
 * Scores of each frame: a linear classifier of states, without a mean over time. Speaker diarization is the use that
 * transformers documents, a sigmoid for each speaker.
 *
 * Source: names and arithmetic as transformers 5.18 `Wav2Vec2ForAudioFrameClassification` and its likes.
 *
 * @module
 */
import { linear, type LinearParams, loadLinear } from "../layers/linear.ts";
import { normal } from "../layers/parameters.ts";
import type { OtherHead } from "./_other_head.ts";

/** The head of `…ForAudioFrameClassification`; its logits are `[B, T, N]`. */
export const frameHead: OtherHead<LinearParams, object> = {
  kind: "frames",
  suffix: "ForAudioFrameClassification",
  impliedProblem: "multi_label_classification",
  fields: () => ({}),
  load: (reader, { hidden_size: inputs, classes: outputs, initializer_range }) =>
    loadLinear(
      reader.at("classifier"),
      { inputs, outputs },
      { weight: normal(initializer_range) },
    ),
  answer: (classifier, state) => ({ logits: linear(classifier, state), pooled: state.clone() }),
  fewestFrames: () => 1,
  isBlindToPadding: () => true,
};
