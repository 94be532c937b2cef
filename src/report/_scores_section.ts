/**
 * What the model's scores mean: certainty against accuracy before and after calibration, how well the unknown is told
 * apart, and what a threshold costs.
 *
 * @module
 */
import { auroc, calibrationError, type ConfidenceBin, confidenceBins } from "../scores/mod.ts";
import { html, type Markup, type Section } from "./_html.ts";
import { count, percent, place } from "./_numbers.ts";
import type { ScoredClip } from "./_scores.ts";
import type { ReportData } from "./report_data.ts";

/** Fewer clips than this say nothing about certainty. */
const MIN_CLIPS = 20;
const [SIZE, MARGIN] = [240, 36];
const THRESHOLDS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/** The section, where each clip has one label and there are clips enough, or unknown ones. */
export function scoresSection(
  data: ReportData,
  scored: readonly ScoredClip[],
): Section | undefined {
  const isSingle = data.problemType === "single_label_classification";
  const judged = isSingle && scored.length >= MIN_CLIPS ? answersOf(scored) : undefined;
  if (!judged && !data.unknown) return undefined;
  return {
    id: "scores",
    title: "What scores mean",
    content: html`${judged && reliability(judged)}${data.unknown && unknownPart(data, scored)}${
      judged && thresholdCosts(judged.after)
    }${classThresholds(data, scored)}`,
  };
}

/** The best class of a clip, how sure it is, and whether it is right. */
interface Answer {
  score: number;
  isRight: boolean;
}

function answersOf(
  scored: readonly ScoredClip[],
): { before: Answer[]; after: Answer[]; isFitted: boolean } {
  const before = scored.map(({ scores, predicted, isRight }) => ({
    score: scores[predicted]!,
    isRight,
  }));
  const after = scored.map(({ clip, scores }) => {
    const found = Array.from(clip.scores ?? scores);
    const score = Math.max(...found);
    return { score, isRight: found.indexOf(score) === clip.target };
  });
  return { before, after, isFitted: scored.some(({ clip }) => clip.scores !== undefined) };
}

function binsOf(answers: readonly Answer[]): ConfidenceBin[] {
  return confidenceBins(answers.map(({ score }) => score), answers.map(({ isRight }) => isRight));
}

function reliability(
  { before, after, isFitted }: ReturnType<typeof answersOf>,
): Markup {
  const [first, last] = [binsOf(before), binsOf(after)];
  const errors = [first, last].map((bins) => calibrationError(bins).toFixed(3));
  return html`
    <div
      class="split"><div class="prose"><p>${isFitted
        ? html`Expected calibration error (15 bins of equal mass): ${
          errors[0]
        } before the fitted temperature, ${errors[1]} with it.`
        : html`Expected calibration error (15 bins of equal mass): ${
          errors[0]
        }. No temperature was fitted.`}</p><p class="note">Each dot is a fifteenth of the clips, by the score of the best class: to the right the mean score, upwards how many are right. ${isFitted
        ? "Blue is before, orange after."
        : ""}</p></div>${diagram(isFitted ? [first, last] : [first])}</div>
  `;
}

function diagram(series: readonly (readonly ConfidenceBin[])[]): Markup {
  const x = (share: number) => place(MARGIN + share * SIZE);
  const y = (share: number) => place(12 + (1 - share) * SIZE);
  return html`
    <figure class="chart square">
      <svg viewBox="0 0 ${MARGIN + SIZE + 12} ${SIZE + 36}" role="img"
        aria-label="Accuracy by score, before and after"><g class="axis">${[0, 0.5, 1].map((tick) =>
          html`
            <text x="${MARGIN - 6}" y="${y(tick)}" text-anchor="end">${100 * tick}</text>
            <text x="${x(tick)}" y="${SIZE + 30}" text-anchor="middle">${100 * tick}</text>
          `
        )}<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/></g>${series
          .map((bins, i) =>
            html`
              <path class="line s${i}" d="${bins.map((bin, at) =>
                `${at ? "L" : "M"}${x(bin.confidence)} ${y(bin.accuracy)}`
              ).join("")}" />${bins.map((bin) =>
                html`
                  <circle class="dot s${i}" cx="${x(bin.confidence)}" cy="${y(
                    bin.accuracy,
                  )}" r="3" />
                `
              )}
            `
          )}</svg>
    </figure>
  `;
}

/** How well clips of none of the classes are told apart. */
function unknownPart({ unknown }: ReportData, scored: readonly ScoredClip[]): Markup {
  const known = scored.map(({ clip, scores }) => clip.unlikeness ?? -Math.max(...scores));
  const isFitted = scored.some(({ clip }) => clip.unlikeness !== undefined);
  const area = auroc(unknown!, known);
  const shareOf = (values: readonly number[]) =>
    percent(values.filter((value) => value >= 0).length / values.length);
  return html`
    <div class="prose">
      <p>AUROC of the unknown: ${area.toFixed(
        3,
      )}, the chance that a clip of none of the classes looks more unlike them than one of the ${count(
        known.length,
      )} that are.</p>
      <p class="note">${isFitted
        ? html`Of ${count(unknown!.length)} unknown clips ${
          shareOf(unknown!)
        } are rejected, and of the known ones ${shareOf(known)}.`
        : html`Nothing is rejected, since no rejection was fitted; the score of the best class was taken.`}</p>
    </div>
  `;
}

function table(
  headings: readonly string[],
  rows: readonly (readonly (string | Markup)[])[],
): Markup {
  return html`
    <div class="scroll">
      <table class="numbers">
        <thead>
          <tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr>
        </thead>
        <tbody>${rows.map(([first, ...cells]) =>
          html`<tr><th scope="row">${first!}</th>${
            cells.map((cell) => html`<td>${cell}</td>`)
          }</tr>`
        )}</tbody>
      </table>
    </div>
  `;
}

function thresholdCosts(answers: readonly Answer[]): Markup {
  const rows = THRESHOLDS.map((threshold) => {
    const taken = answers.filter(({ score }) => score >= threshold);
    const right = taken.filter(({ isRight }) => isRight).length;
    return [
      String(threshold),
      percent(taken.length / answers.length),
      taken.length > 0 ? percent(right / taken.length) : "–",
      count(answers.filter(({ score, isRight }) => isRight && score < threshold).length),
    ];
  });
  return html`<h3>What a threshold costs</h3>${
    table(["Threshold", "Answered", "Right of these", "Right ones lost"], rows)
  }`;
}

/** The thresholds that were fitted, on these clips. */
function classThresholds(data: ReportData, scored: readonly ScoredClip[]): Markup | undefined {
  const { thresholds = {}, labels } = data;
  if (Object.keys(thresholds).length === 0 || scored.length === 0) return undefined;
  const rows = labels.flatMap((label, k) => {
    if (!Object.hasOwn(thresholds, label)) return [];
    const threshold = thresholds[label]!;
    const isOf = ({ clip: { target } }: ScoredClip) =>
      typeof target === "number" ? target === k : target[k]! > 0.5;
    const all = scored.filter(isOf).length;
    const taken = scored.filter(({ clip, scores }) => (clip.scores ?? scores)[k]! >= threshold);
    const right = taken.filter(isOf).length;
    const share = (of: number) => of > 0 ? percent(right / of) : "–";
    return [[label, threshold.toFixed(3), share(taken.length), share(all)]];
  });
  return html`<h3>The model’s thresholds</h3>${
    table(["Class", "Threshold", "Precision", "Recall"], rows)
  }`;
}
