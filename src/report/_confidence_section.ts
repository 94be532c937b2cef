/**
 * How far the model's certainty can be trusted: confidence against accuracy.
 *
 * @module
 */
import { html, type Markup, type Section } from "./_html.ts";
import { counted, percent, place } from "./_numbers.ts";
import {
  calibrationError,
  type ConfidenceBin,
  confidenceBins,
  confidenceOf,
  mean,
  type ScoredClip,
} from "./_scores.ts";
import type { ReportData } from "./report_data.ts";

/** Fewer clips than this say nothing about certainty. */
const MIN_CLIPS = 20;

/** Confidence and accuracy this close count as the same. */
const CLOSE = 0.05;

const [SIZE, LEFT, TOP] = [240, 48, 12];
const COUNTS_HEIGHT = 56;

/** The section, where each clip has one label and there are clips enough. */
export function confidenceSection(
  data: ReportData,
  scored: readonly ScoredClip[],
): Section | undefined {
  if (data.problemType !== "single_label_classification" || scored.length < MIN_CLIPS) {
    return undefined;
  }
  const bins = confidenceBins(scored);
  const error = calibrationError(bins);
  const apart = mean(scored.map(confidenceOf)) - mean(scored.map(({ isRight }) => Number(isRight)));
  return {
    id: "confidence",
    title: "How sure it is",
    content: html`<div class="split"><div class="prose"><p>${verdict(apart)}</p>
    <p class="note">Clips are put together by the probability of the predicted class. On the diagonal, a model that says 80${"\u202f"}% is right in 8 cases of 10; below it, it is surer than it should be. On average the two lie ${
      percent(
        error,
      )
    } apart (expected calibration error).</p>${binTable(bins)}</div>${drawing(bins)}</div>`,
  };
}

function verdict(apart: number): string {
  if (Math.abs(apart) < CLOSE) {
    return "On the whole, it is about as sure as it is right: its probabilities can be taken at their word.";
  }
  return apart > 0
    ? `It is surer than it is right, by ${
      percent(apart, 0)
    } on average: trust its probabilities less than they claim.`
    : `It is right more often than it claims, by ${percent(-apart, 0)} on average.`;
}

function drawing(bins: readonly ConfidenceBin[]): Markup {
  const x = (share: number) => place(LEFT + share * SIZE);
  const y = (share: number) => place(TOP + (1 - share) * SIZE);
  const base = TOP + SIZE + 30 + COUNTS_HEIGHT;
  const most = Math.max(...bins.map(({ clips }) => clips));
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const filled = bins.filter(({ clips }) => clips > 0);
  return html`
    <figure class="chart square">
      <svg viewBox="0 0 ${LEFT + SIZE + 24} ${base + 26}" role="img"
        aria-label="Accuracy by confidence; the table beside has the numbers"><g class="axis">${ticks
          .map((tick) =>
            html`
              <line x1="${x(0)}" x2="${x(1)}" y1="${y(tick)}" y2="${y(tick)}" />
              <text x="${LEFT - 8}" y="${place(
                TOP + (1 - tick) * SIZE + 4,
              )}" text-anchor="end">${100 * tick}</text>
              <text x="${x(tick)}" y="${base + 18}" text-anchor="middle">${100 * tick}</text>
            `
          )}<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(
            1,
          )}"/><text x="${LEFT + 6}" y="${TOP + 12}">right, %</text><text x="${x(1)}" y="${TOP +
          SIZE +
          20}" text-anchor="end">clips by confidence, %</text></g><path class="line s0" d="${filled
          .map((bin, i) => `${i ? "L" : "M"}${x(bin.confidence)} ${y(bin.accuracy)}`).join(
            "",
          )}"/>${filled.map((bin) =>
            html`
              <circle class="dot s0" cx="${x(bin.confidence)}" cy="${y(bin.accuracy)}" r="${place(
                3 + 5 * Math.sqrt(bin.clips / most),
              )}">
                <title>${binText(bin)}</title>
              </circle>
            `
          )}${bins.map((bin, i) => {
            const height = COUNTS_HEIGHT * bin.clips / most;
            return html`
              <rect class="fill s0 pale" x="${place(LEFT + i * SIZE / 10 + 1)}" y="${place(
                base - height,
              )}" width="${place(SIZE / 10 - 2)}"
                height="${place(height)}" />
            `;
          })}</svg>
    </figure>
  `;
}

function binTable(bins: readonly ConfidenceBin[]): Markup {
  return html`
    <details>
      <summary>The numbers</summary>
      <ul>${bins.filter(({ clips }) => clips > 0).map((bin) => html`<li>${binText(bin)}</li>`)}</ul>
    </details>
  `;
}

function binText({ clips, confidence, accuracy }: ConfidenceBin): string {
  return `${counted(clips, "clip")}: ${percent(confidence)} sure, ${percent(accuracy)} right`;
}
