import { deepEqual, equal, rejects } from "node:assert/strict";
import {
  predictedClips,
  predictionLines,
  readPredictions,
} from "../../src/commands/_predictions.ts";
import { withFolder } from "./_command_line.ts";

const EVALUATION = {
  logits: Float32Array.of(0, Math.log(3), 1, 1),
  classes: 2,
  labels: Int32Array.of(0, 1),
  loss: 0,
  indices: Int32Array.of(2, 0),
};

const DATASET = {
  split: "test",
  labels: ["no", "yes"],
  clips: ["1.wav", "2.wav", "no/3.wav"].map((file, i) => ({ file: `data/${file}`, label: i % 2 })),
};

Deno.test("readPredictions() gives back what was written, the class first that the metrics take", async () => {
  await withFolder(async (folder) => {
    const clips = predictedClips(EVALUATION, DATASET, "data");
    const path = `${folder}/predictions.jsonl`;
    await Deno.writeFile(path, predictionLines(clips));
    deepEqual(await readPredictions(path), [
      {
        file: "no/3.wav",
        label: "no",
        predictions: [{ label: "yes", score: 0.75 }, { label: "no", score: 0.25 }],
      },
      {
        file: "1.wav",
        label: "no",
        predictions: [{ label: "no", score: 0.5 }, { label: "yes", score: 0.5 }],
      },
    ]);
    equal((await readPredictions(path))[1]!.predictions[0]!.label, "no");
  });
});

Deno.test("readPredictions() refuses what is none", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/predictions.jsonl`;
    const cases = [
      ["", "expected clips, found none"],
      ["{", 'expected "file" and "predictions" in every line, found line 1, which is not JSON'],
      [
        '\n{"file":"a"}',
        'expected "file" and "predictions" in every line, found line 2, which lacks one',
      ],
      ['{"file":"a","predictions":[]}', /which lacks one$/],
      ['{"file":"a","predictions":[{"label":1,"score":1}]}', /which lacks one$/],
      ["null", /which lacks one$/],
    ] as const;
    for (const [text, expected] of cases) {
      await Deno.writeTextFile(path, text);
      const message = typeof expected === "string"
        ? `Cannot read predictions "${path}": ${expected}`
        : expected;
      await rejects(readPredictions(path), { name: "DatasetError", message });
    }
    await rejects(readPredictions(`${folder}/none`), { name: "FileError" });
  });
});
