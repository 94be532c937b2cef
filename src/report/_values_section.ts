/**
 * Regression: what was estimated against what it is.
 *
 * @module
 */
import { html, type Markup, type Section } from "./_html.ts";
import { roundTicks } from "./_line_chart.ts";
import { place, short } from "./_numbers.ts";
import { mean, type ScoredClip } from "./_scores.ts";
import type { ReportData } from "./report_data.ts";

/** More dots than this only make the page larger. */
const MAX_DOTS = 2000;

const [SIZE, LEFT, TOP] = [300, 56, 12];

/** The section; nothing for classification. */
export function valuesSection(
  data: ReportData,
  scored: readonly ScoredClip[],
): Section | undefined {
  if (data.problemType !== "regression" || scored.length === 0) return undefined;
  const { r2, bias } = valueErrors(scored);
  return {
    id: "values",
    title: "Estimated and actual",
    content: html`
      <div
        class="split"><div class="prose"><p>${r2 > 0
          ? `The estimates explain ${Math.round(100 * r2)} % of the variance of the values.`
          : "The estimates are no better than the mean of the values."}</p><p class="note">Each dot is a clip; on the diagonal the estimate is exact. On average the estimates are ${short(
            Math.abs(bias),
          )} too ${bias > 0 ? "high" : "low"}.</p></div>${drawing(scored.slice(0, MAX_DOTS))}</div>
    `,
  };
}

/** The errors that describe a regression. */
export function valueErrors(
  scored: readonly ScoredClip[],
): { absolute: number; rootSquare: number; r2: number; bias: number } {
  const targets = scored.map(({ clip }) => clip.target as number);
  const errors = scored.map(({ scores }, i) => scores[0]! - targets[i]!);
  const middle = mean(targets);
  const square = mean(errors.map((error) => error ** 2));
  return {
    absolute: mean(errors.map(Math.abs)),
    rootSquare: Math.sqrt(square),
    r2: 1 - square / (mean(targets.map((target) => (target - middle) ** 2)) || Infinity),
    bias: mean(errors),
  };
}

function drawing(scored: readonly ScoredClip[]): Markup {
  const values = scored.flatMap(({ clip, scores }) => [clip.target as number, scores[0]!]);
  const [low, high] = values.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [
    Infinity,
    -Infinity,
  ]);
  const ticks = roundTicks(low, high);
  const first = ticks[0]!;
  const span = Math.max(ticks.at(-1)!, high) - first || 1;
  const x = (value: number) => place(LEFT + (value - first) / span * SIZE);
  const y = (value: number) => place(TOP + SIZE - (value - first) / span * SIZE);
  return html`
    <figure class="chart square">
      <svg viewBox="0 0 ${LEFT + SIZE + 20} ${TOP + SIZE + 30}" role="img"
        aria-label="Estimated against actual values"><g class="axis">${ticks.map((tick) =>
          html`
            <line x1="${LEFT}" x2="${LEFT + SIZE}" y1="${y(tick)}" y2="${y(tick)}" />
            <text x="${LEFT - 8}" y="${y(tick)}" dy="4" text-anchor="end">${short(tick)}</text>
            <text x="${x(tick)}" y="${TOP + SIZE + 20}" text-anchor="middle">${short(tick)}</text>
          `
        )}<line class="diagonal" x1="${LEFT}" y1="${TOP + SIZE}" x2="${LEFT +
          SIZE}" y2="${TOP}"/><text x="${LEFT + 6}" y="${TOP +
          12}">estimated</text><text x="${LEFT + SIZE}" y="${TOP + SIZE -
          6}" text-anchor="end">actual</text></g>${scored.map(({ clip, scores }) =>
            html`
              <circle class="dot s0 pale" cx="${x(clip.target as number)}" cy="${y(
                scores[0]!,
              )}" r="3" />
            `
          )}</svg>
    </figure>
  `;
}
