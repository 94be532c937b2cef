import { deepEqual, equal, match, ok } from "node:assert/strict";
import { parse } from "yaml";
import { isUntouchedCard, modelCard, type ModelCardFacts } from "../../src/card/mod.ts";
import { FACTS } from "./facts.ts";

const LEAST: ModelCardFacts = {
  modelName: "bell",
  modelType: "hubert",
  problemType: "single_label_classification",
  labels: ["ring", "silence"],
};

/** The metadata as Python's YAML 1.1 reads it. */
// deno-lint-ignore no-explicit-any
function metadata(card: string): any {
  const [, yaml = ""] = card.match(/^---\n([\s\S]*?)---\n/) ?? [];
  return parse(yaml, { version: "1.1" });
}

/** The program in a language, line by line. */
function program(card: string, language: string): string[] {
  return card.split("```" + language + "\n")[1]?.split("\n```")[0]?.split("\n") ?? [];
}

Deno.test("modelCard() writes the metadata that the hub checks", async () => {
  deepEqual(metadata(await modelCard(FACTS)), {
    language: ["en", "no"],
    license: "apache-2.0",
    library_name: "transformers",
    pipeline_tag: "audio-classification",
    base_model: "facebook/wav2vec2-base",
    tags: ["audio-classification", "earshot", "generated_from_trainer", "speech"],
    datasets: ["PolyAI/minds14"],
    metrics: ["accuracy", "f1"],
    "model-index": [{
      name: "minds",
      results: [{
        task: { type: "audio-classification", name: "Audio Classification" },
        dataset: {
          type: "PolyAI/minds14",
          name: "PolyAI/minds14",
          config: "en-US",
          split: "test",
          revision: "75900a7",
        },
        metrics: [
          { name: "Accuracy", type: "accuracy", value: 0.91666 },
          { name: "F1 (macro)", type: "f1", value: 0.9, args: { average: "macro" } },
        ],
      }],
    }],
  });
});

Deno.test("modelCard() is silent about what is not known", async () => {
  const card = await modelCard(LEAST);
  deepEqual(metadata(card), {
    library_name: "transformers",
    pipeline_tag: "audio-classification",
    tags: ["audio-classification", "earshot"],
  });
  const headings = Array.from(card.matchAll(/^#+ (.*)$/gm), ([, title]) => title);
  deepEqual(headings, ["bell", "Labels", "How to use it", "Limits"]);
  ok(!/undefined|NaN|null|needed/.test(card));
});

Deno.test("recordings that are not on the hub are in no list of data sets", async () => {
  const { evaluation } = FACTS;
  const index = metadata(await modelCard({ ...LEAST, evaluation }))["model-index"];
  deepEqual(index[0].results[0].dataset, {
    type: "audiofolder",
    name: "recordings of its maker",
    split: "test",
  });
  equal(metadata(await modelCard({ ...LEAST, evaluation })).datasets, undefined);
});

Deno.test("words that YAML 1.1 takes for other things stay words", async () => {
  const words = { license: "no", language: "no", tags: ["1:30", "on", "~", "a: b", "2026-01-02"] };
  const { license, language, tags } = metadata(await modelCard({ ...LEAST, ...words }));
  deepEqual([license, language, tags.slice(2)], [words.license, ["no"], words.tags]);
});

Deno.test("the table of epochs is that of transformers' card", async () => {
  const card = await modelCard(FACTS);
  // From transformers 5.18, modelcard.make_markdown_table; Python writes whole epochs as 1.0.
  const expected = [
    "| Training Loss | Epoch | Step | Validation Loss | Accuracy | F1 Macro |",
    "|:-------------:|:-----:|:----:|:---------------:|:--------:|:--------:|",
    "| 2.3457        | 1     | 10   | 2.1235          | 0.25     | 0.1235   |",
    "| 2.3457        | 2.5   | 20   | 1.5             | 0.5      | 0.4568   |",
  ];
  ok(card.includes(expected.join("\n")), card);
});

Deno.test("hyperparameters have the reference's names, and no places", async () => {
  const card = await modelCard(FACTS);
  const [, list = ""] = card.match(/### Training hyperparameters\n\n([\s\S]*?)\n\n/) ?? [];
  deepEqual(list.split("\n"), [
    "- learning_rate: 0.00003",
    "- train_batch_size: 32",
    "- eval_batch_size: 8",
    "- seed: 42",
    "- gradient_accumulation_steps: 4",
    "- total_train_batch_size: 128",
    "- optimizer: AdamW with betas=(0.9,0.999) and epsilon=1e-8",
    "- lr_scheduler_type: linear",
    "- num_epochs: 10",
    "- max_length_seconds: 20",
    "- warmup_ratio: 0.1",
  ]);
  ok(!card.includes("/home/someone"));
});

Deno.test("the evaluation tells how far it can be trusted", async () => {
  const card = await modelCard(FACTS);
  match(card, /On the test split, 113 clips:/);
  match(card, /\| Accuracy +\| 0\.9167 \|/);
  match(card, /lies between 87\.00 and 96\.00 % with a chance of 95 %/);
  ok(!/ROC AUC/.test(card), "NaN is not a figure");
});

Deno.test("programs name the repository, and the function that Python needs", async () => {
  const card = await modelCard(FACTS);
  ok(
    program(card, "ts").includes(
      'const classifier = await pipeline("audio-classification", "acme/minds");',
    ),
  );
  ok(program(card, "python").includes('print(classifier("recording.wav"))'));
  const several = await modelCard({ ...FACTS, problemType: "multi_label_classification" });
  match(program(several, "python").at(-1)!, /function_to_apply="sigmoid"/);
  const values = await modelCard({ ...FACTS, problemType: "regression" });
  match(program(values, "python").at(-1)!, /function_to_apply="none"/);
});

Deno.test("an export is not offered to transformers", async () => {
  const card = await modelCard({ ...FACTS, isForTransformers: false });
  equal(metadata(card).library_name, undefined);
  deepEqual(program(card, "python"), []);
});

Deno.test("labels and names are shown, never obeyed", async () => {
  const labels = ["a|b", "`x`", "<script>alert(1)</script>", "two\nlines", "](http://x)"];
  const card = await modelCard({ ...LEAST, modelName: "<b>*bell*", labels });
  match(card, /^# \\<b\\>\\\*bell\\\*$/m);
  const [, line = ""] = card.match(/## Labels\n\n(.*)\n/) ?? [];
  equal(
    line,
    "In the order of the outputs: `a|b`, `` `x` ``, `<script>alert(1)</script>`, `two lines`, `](http://x)`.",
  );
});

Deno.test("isUntouchedCard() notices the smallest edit", async () => {
  const card = await modelCard(FACTS);
  equal(await isUntouchedCard(card), true);
  equal(await isUntouchedCard(card.replace("113 clips", "114 clips")), false);
  equal(await isUntouchedCard(`${card}More.\n`), false);
  equal(await isUntouchedCard(`x${card}`), false);
  equal(await isUntouchedCard(""), false);
});
