/**
 * What the model was made and measured with: clips of each class, and how long they are.
 *
 * @module
 */
import { breakable, html, type Markup, type Section } from "./_html.ts";
import { bar } from "./_classes_section.ts";
import { count, counted, place, seconds } from "./_numbers.ts";
import type { ReportData, SplitSummary } from "./report_data.ts";

const BINS = 24;
const [WIDTH, HEIGHT] = [420, 130];

/** The section; nothing where no split is described. */
export function dataSection({ labels, splits = [], problemType }: ReportData): Section | undefined {
  if (splits.length === 0) return undefined;
  const durations = splits.flatMap(({ durationsSec = [] }) => durationsSec.filter((x) => x > 0));
  return {
    id: "data",
    title: "The data",
    content: html`
      <div
        class="split"><div class="prose"><ul class="facts">${splits.map(
          splitLine,
        )}</ul>${durations.length > 0 &&
          histogram(durations)}</div>${problemType !== "regression" &&
          balanceTable(labels, splits)}</div>
    `,
  };
}

function splitLine({ split, clipsPerLabel, durationsSec = [] }: SplitSummary): Markup {
  const clips = durationsSec.length || clipsPerLabel.reduce((sum, n) => sum + n, 0);
  const total = durationsSec.reduce((sum, x) => sum + x, 0);
  return html`<li><b>${split}</b> ${counted(clips, "clip")}${
    total > 0 && `, ${seconds(total)} in all`
  }</li>`;
}

function balanceTable(labels: readonly string[], splits: readonly SplitSummary[]): Markup {
  const most = splits.map(({ clipsPerLabel }) => clipsPerLabel.reduce((a, b) => Math.max(a, b), 1));
  return html`
    <div class="scroll tall" tabindex="0" role="region" aria-label="Clips of each class">
      <table class="numbers narrow sortable">
        <thead>
          <tr><th scope="col" aria-sort="none"><button type="button" data-sort="text">Class</button></th>${splits
            .map(({ split }) =>
              html`<th scope="col" aria-sort="none"><button type="button" data-sort="number">${split}</button></th>`
            )}</tr>
        </thead>
        <tbody>${labels.map((label, i) =>
          html`<tr><th scope="row">${breakable(label)}</th>${
            splits.map(({ clipsPerLabel }, split) => {
              const clips = clipsPerLabel[i] ?? 0;
              return html`<td data-value="${clips}">${
                bar(clips / most[split]!, 3)
              }<span class="figure">${count(clips)}</span></td>`;
            })
          }</tr>`
        )}</tbody>
      </table>
    </div>
  `;
}

function histogram(durations: readonly number[]): Markup {
  const sorted = durations.toSorted((a, b) => a - b);
  const longest = sorted.at(-1)!;
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  const bins = new Int32Array(BINS);
  for (const duration of sorted) bins[Math.min(BINS - 1, Math.floor(duration / longest * BINS))]!++;
  const most = Math.max(...bins);
  const base = HEIGHT - 24;
  const bars = Array.from(bins, (clips, i) => {
    const height = clips > 0 ? Math.max(1.5, clips / most * (base - 8)) : 0;
    return html`
      <rect class="fill s3" x="${place(i * WIDTH / BINS + 1)}" width="${place(
        WIDTH / BINS - 2,
      )}" y="${place(base - height)}" height="${place(height)}" />
    `;
  });
  return html`
    <figure class="chart">
      <figcaption>
        <h3>How long the clips are</h3>
        <p class="note">Half of them are shorter than ${seconds(middle)}; the longest is ${seconds(
          longest,
        )}</p>
      </figcaption>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"
        aria-label="Histogram of durations, from 0 to ${seconds(
          longest,
        )}">${bars}<g class="axis"><line x1="0" x2="${WIDTH}" y1="${base}" y2="${base}"/><text x="0" y="${HEIGHT -
          6}">0 s</text><text x="${WIDTH}" y="${HEIGHT - 6}" text-anchor="end">${seconds(
            longest,
          )}</text></g></svg>
    </figure>
  `;
}
