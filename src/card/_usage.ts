/**
 * What the model is, what it answers, how it is used, and what it cannot do.
 *
 * @module
 */
import { documentLink } from "../repository.ts";
import { code, counted, joined, program, type Section, text } from "./_markdown.ts";
import type { CardDataset, ModelCardFacts } from "./card_facts.ts";

/** A data set by its name, with a link where it is on the hub. */
export function datasetText({ id, name, config }: CardDataset): string {
  const shown = text(name ?? id ?? "recordings of its maker");
  const linked = id === undefined ? shown : `[${shown}](https://huggingface.co/datasets/${id})`;
  return config === undefined ? linked : `${linked} (${text(config)})`;
}

/** The first paragraphs. */
export function introduction(facts: ModelCardFacts): string {
  const { modelType, parameters, samplingRate, labels, problemType } = facts;
  const size = parameters === undefined ? "" : ` of ${(parameters / 1e6).toFixed(2)} M parameters`;
  const rate = samplingRate === undefined
    ? ""
    : ` Its input is audio at ${samplingRate} Hz; other rates are resampled.`;
  const task = problemType === "regression"
    ? `estimates ${counted(labels.length, "number")} for a recording`
    : problemType === "multi_label_classification"
    ? `says which of ${counted(labels.length, "label")} a recording has, several at once or none`
    : `gives a recording one of ${counted(labels.length, "label")}`;
  return joined([
    `This model ${task}. It is ${code(modelType)}${size}.${rate}`,
    originText(facts),
  ]);
}

function originText({ finetunedFrom, isFromScratch, dataset }: ModelCardFacts): string {
  const on = dataset ? ` on ${datasetText(dataset)}` : "";
  if (finetunedFrom !== undefined) {
    const link = `[${text(finetunedFrom)}](https://huggingface.co/${finetunedFrom})`;
    return `It is a fine-tuned version of ${link}${on}.`;
  }
  if (isFromScratch) return `It was trained from scratch${on}.`;
  return dataset ? `It was trained${on}.` : "";
}

/** More than these are counted, and `config.json` has them all. */
const MAX_LABELS = 200;

/** The labels in their order. */
export function labelsSection({ labels }: ModelCardFacts): Section | undefined {
  if (labels.length === 0) return undefined;
  const shown = labels.slice(0, MAX_LABELS).map(code).join(", ");
  const more = labels.length - MAX_LABELS;
  const rest = more > 0 ? `, and ${more} more in ${code("config.json")}` : "";
  return { title: "Labels", content: `In the order of the outputs: ${shown}${rest}.` };
}

/** Programs that run as they stand, beside a recording of that name. */
export function usageSection(facts: ModelCardFacts): Section {
  const { repository = "path/to/model", isForTransformers = true } = facts;
  const name = JSON.stringify(repository);
  const content = [
    `In [Deno](https://deno.com), with ${documentLink("", "Earshot")}:`,
    program("ts", [
      'import { pipeline } from "@earshot/earshot";',
      "",
      `const classifier = await pipeline("audio-classification", ${name});`,
      'console.log(await classifier("recording.wav"));',
    ]),
  ];
  if (!isForTransformers) {
    return {
      title: "How to use it",
      content: joined([
        ...content,
        "Its weights are an export, in a form that Earshot alone reads.",
      ]),
    };
  }
  const python = [
    "from transformers import pipeline",
    "",
    `classifier = pipeline("audio-classification", model=${name})`,
    `print(classifier("recording.wav"${pythonFunction(facts)}))`,
  ];
  return {
    title: "How to use it",
    content: joined([...content, "In Python, with transformers:", program("python", python)]),
  };
}

/** Python's pipeline applies softmax unless another function is named. */
function pythonFunction({ problemType }: ModelCardFacts): string {
  if (problemType === "multi_label_classification") return ', function_to_apply="sigmoid"';
  return problemType === "regression" ? ', function_to_apply="none"' : "";
}

/** What follows from how it is made; nothing about what was not measured. */
export function limitsSection(facts: ModelCardFacts): Section {
  const { problemType, samplingRate, trainingArguments, evaluation, dataset } = facts;
  const longest = trainingArguments?.maxLengthSeconds;
  const limits = [
    problemType === "single_label_classification" &&
    "It gives one of its labels to any recording, noise and silence too. A low score can mean that none fits.",
    typeof longest === "number" && `It learned from at most ${longest} s of each recording.`,
    samplingRate !== undefined && samplingRate < 16_000 &&
    `What lies above ${samplingRate / 2} Hz is lost to it.`,
    evaluation && measuredOn(facts),
    !evaluation && "It was not measured, or its figures are not here.",
    !dataset && "What it learned from is not stated here.",
  ];
  const lines = limits.filter((line) => typeof line === "string").map((line) => `- ${line}`);
  return { title: "Limits", content: lines.join("\n") };
}

function measuredOn({ evaluation, dataset }: ModelCardFacts): string {
  const { split, samples } = evaluation!;
  const clips = samples === undefined ? "clips" : counted(samples, "clip");
  const of = dataset ? ` of ${datasetText(dataset)}` : "";
  const chosen = split === "test" ? "" : " It was chosen by them, so that new ones may fare worse.";
  return `The figures are of the ${clips} of the ${text(split)} split${of}. ` +
    `Other voices, rooms and microphones were not measured.${chosen}`;
}
