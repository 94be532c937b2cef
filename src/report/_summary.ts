/**
 * The head of the page: what the model is, and how good, in a few figures.
 *
 * @module
 */
import { detectionFigures, detectionSentence } from "./_detection_section.ts";
import { html, type Markup } from "./_html.ts";
import { count, counted, percent, short } from "./_numbers.ts";
import { mean, scoreClasses, type ScoredClip, wilsonInterval } from "./_scores.ts";
import { valueErrors } from "./_values_section.ts";
import type { ReportData } from "./report_data.ts";

interface Figure {
  name: string;
  value: string;
  note?: string;
}

/** Heading, one sentence, and the figures. */
export function summary(data: ReportData, scored: readonly ScoredClip[]): Markup {
  const figures = figuresOf(data, scored);
  return html`<header><p class="eyebrow">Earshot report${
    data.created && html`
      · ${data.created}
    `
  }</p><h1>${data.title}</h1><p class="lead">${sentence(data, scored)}</p>${
    figures.length > 0 &&
    html`<dl class="figures">${
      figures.map(({ name, value, note }) =>
        html`
          <div>
            <dt>${name}</dt>
            <dd>${value}${note && html`<small>${note}</small>`}</dd>
          </div>
        `
      )
    }</dl>`
  }</header>`;
}

function sentence(data: ReportData, scored: readonly ScoredClip[]): string {
  const { evaluation, labels, problemType, detection } = data;
  if (detection) return detectionSentence(detection);
  if (!evaluation || scored.length === 0) {
    return problemType === "regression"
      ? "It estimates a value from a recording, and was not measured yet."
      : `It tells ${counted(labels.length, "class", "classes")} apart, and was not measured yet.`;
  }
  const clips = counted(scored.length, `${evaluation.split} clip`);
  if (problemType === "regression") {
    return `Estimates are off by ${short(valueErrors(scored).absolute)} on average, over ${clips}.`;
  }
  const right = scored.filter(({ isRight }) => isRight).length;
  const what = problemType === "multi_label_classification"
    ? "have exactly the right labels"
    : "are recognised correctly";
  return `${count(right)} of ${clips} ${what}, over ${counted(labels.length, "class", "classes")}.`;
}

function figuresOf(data: ReportData, scored: readonly ScoredClip[]): Figure[] {
  if (data.detection) return detectionFigures(data.detection);
  if (scored.length === 0) return [];
  const loss = { name: "Loss", value: short(mean(scored.map((one) => one.loss))) };
  if (data.problemType === "regression") {
    const { absolute, rootSquare, r2 } = valueErrors(scored);
    return [
      { name: "Mean error", value: short(absolute) },
      { name: "Root mean square", value: short(rootSquare) },
      { name: "R²", value: r2.toFixed(3) },
    ];
  }
  const share = mean(scored.map(({ isRight }) => Number(isRight)));
  const [low, high] = wilsonInterval(share, scored.length);
  const classes = scoreClasses(data, scored).filter(({ samples, claimed }) =>
    samples + claimed > 0
  );
  const weakest = classes.reduce((a, b) => b.f1 < a.f1 ? b : a);
  return [
    {
      name: "Accuracy",
      value: percent(share),
      note: `${percent(low)} to ${percent(high)} with 95\u202f% certainty`,
    },
    {
      name: "Macro F1",
      value: mean(classes.map(({ f1 }) => f1)).toFixed(3),
      note: "mean over the classes",
    },
    { ...loss, note: "mean cross-entropy" },
    ...weakest.f1 < 1
      ? [{ name: "Weakest class", value: weakest.label, note: `F1 ${weakest.f1.toFixed(2)}` }]
      : [],
  ];
}
