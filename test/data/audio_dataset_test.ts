/**
 * Labels of a data set against the labels of a model.
 *
 * @module
 */

import { deepEqual, throws } from "node:assert/strict";
import { alignLabels, type AudioDataset, checkLabels } from "../../src/data/audio_dataset.ts";

const DATASET: AudioDataset = {
  split: "test",
  labels: ["down", "left", "up"],
  clips: [{ file: "up/1.wav", label: 2 }, { file: "down/1.wav", label: 0 }, {
    file: "up/2.wav",
    label: 2,
  }],
};

Deno.test("checkLabels() accepts a model that knows more, in any order", () => {
  checkLabels(DATASET, ["up", "right", "down"]);
  checkLabels({ ...DATASET, clips: [] }, []);
});

Deno.test("checkLabels() names the label that the model does not know", () => {
  throws(() => checkLabels(DATASET, ["down", "left"]), {
    name: "DatasetError",
    message: 'Cannot use data set "test": expected labels that the model knows, found "up" ' +
      '(2 clips, the first: "up/1.wav")',
    file: "up/1.wav",
    hint: 'The model knows "down", "left"',
  });
  throws(() => checkLabels(DATASET, ["up"]), /found "down" \(1 clip: "down\/1.wav"\)/);
});

Deno.test("checkLabels() does not list a thousand labels", () => {
  const many = Array.from({ length: 1_000 }, (_, i) => `label ${i}`);
  throws(() => checkLabels(DATASET, many), { hint: /"label 19" and 980 more$/ });
});

Deno.test("alignLabels() gives clips the numbers of the model", () => {
  const aligned = alignLabels(DATASET, ["up", "right", "down"]);
  deepEqual(aligned.labels, ["up", "right", "down"]);
  deepEqual(aligned.clips.map((clip) => clip.label), [0, 2, 0]);
  deepEqual(DATASET.clips.map((clip) => clip.label), [2, 0, 2]);
  throws(() => alignLabels(DATASET, ["up"]), { name: "DatasetError" });
});
