import { deepEqual, equal, ok } from "node:assert/strict";
import { TrainingArguments } from "../../../src/train/options/arguments.ts";
import { PRESETS } from "../../../src/train/options/presets.ts";
import {
  isRecipe,
  type RecipeName,
  RECIPES,
  suggestedArguments,
} from "../../../src/train/options/recipes.ts";

Deno.test("every recipe gives arguments that fit together, for checkpoints and presets", () => {
  for (const name of Object.keys(RECIPES)) {
    ok(isRecipe(name));
    for (const model of ["org/name", ...Object.keys(PRESETS)]) {
      const args = new TrainingArguments({
        ...suggestedArguments(model, name),
        outputDir: "out",
      });
      ok(args.loadBestModelAtEnd, `${name} with ${model} ends with the best model`);
    }
  }
  ok(!isRecipe("toString"));
});

/** Batches of the guide, in clips, and the part of each clip: runs of others with it stayed at chance. */
const GUIDE = { stepClips: 32 * 4, maxLengthSeconds: 1 };

Deno.test("the recipe for MInDS-14 has smaller steps and longer clips than the guide", () => {
  const args = new TrainingArguments({
    ...suggestedArguments("facebook/wav2vec2-base", "minds14"),
    outputDir: "out",
  });
  ok(args.perDeviceTrainBatchSize * args.gradientAccumulationSteps < GUIDE.stepClips);
  ok(args.maxLengthSeconds > GUIDE.maxLengthSeconds);
});

Deno.test("suggestedArguments() puts a recipe's in the place of the model's", () => {
  const { learningRate } = PRESETS.tiny.args;
  const tiny = suggestedArguments("tiny", "keyword-spotting");
  deepEqual([tiny.learningRate, tiny.numTrainEpochs], [learningRate, 40]);
  deepEqual(suggestedArguments("tiny"), PRESETS.tiny.args);
  equal(suggestedArguments("some/folder", "keyword-spotting").learningRate, 3e-5);
});

Deno.test("suggestedArguments() trains the backbone as a small model is, not as a large one", () => {
  const { learningRate, numTrainEpochs, loadBestModelAtEnd } = suggestedArguments("backbone");
  deepEqual([learningRate, numTrainEpochs, loadBestModelAtEnd], [1e-3, 15, true]);
  equal(suggestedArguments("some/backbone").learningRate, undefined);
});

Deno.test("a recipe says where its figure is from", () => {
  for (const name of Object.keys(RECIPES) as RecipeName[]) {
    ok(/by its source|measured here/.test(RECIPES[name].expected), name);
  }
});

/** The settings of a recipe in the words of docs/recipes.md. */
function inWords(settings: Record<string, unknown>): string {
  const seconds = settings.maxLengthSeconds;
  const words: readonly [string, (value: unknown) => string][] = [
    ["learningRate", (rate) => Number(rate).toExponential()],
    ["perDeviceTrainBatchSize", (size) => `batches of ${size}`],
    ["gradientAccumulationSteps", (steps) => `${steps} to a step`],
    ["numTrainEpochs", (epochs) => `${epochs} epochs`],
    ["maxLengthSeconds", () => `${seconds} second${seconds === 1 ? "" : "s"} of each clip`],
    ["augmentShiftSeconds", (shift) => `shifted by up to ${shift} s`],
    ["freezeFeatureEncoder", () => "feature encoder as it is"],
  ];
  const said = words.filter(([name]) => settings[name] !== undefined)
    .map(([name, say]) => say(settings[name]));
  if (said.length === 0) return "the preset's";
  return settings.numTrainEpochs ? said.join(", ") : `the preset's, ${said.join(", ")}`;
}

Deno.test("docs/recipes.md says what each recipe sets", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/recipes.md", import.meta.url));
  for (const [name, { fineTuning, fromScratch }] of Object.entries(RECIPES)) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\``))!;
    const cells = row.split("|").map((cell) => cell.trim().replace("learning rate ", ""));
    equal(cells[5], inWords(fineTuning), name);
    equal(cells[6], inWords(fromScratch), name);
  }
});
