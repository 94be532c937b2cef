/**
 * What is taken for what: a matrix to click on, and the pairs confused most.
 *
 * Up to {@linkcode MAX_TABLE} classes it is a table of numbers, which scrolls beside its names; beyond, a drawing
 * without either, because no one reads ten thousand numbers. Blue is right and orange is wrong, both by their share of the row.
 *
 * @module
 */
import { breakable, html, jsonElement, type Markup, type Section } from "./_html.ts";
import { count, counted, percent } from "./_numbers.ts";
import {
  confidenceOf,
  type Confusion,
  confusionMatrix,
  confusions,
  type ScoredClip,
} from "./_scores.ts";
import type { ReportData } from "./report_data.ts";

/** Most classes that a table of numbers has. */
const MAX_TABLE = 60;

/** Most classes whose cells are wide: with the share below the number, or the number alone. */
const MAX_ROOMY = 10;
const MAX_WIDE = 20;

const MAX_PAIRS = 12;

/** Most clips that the page knows by name, wrong ones first. */
const MAX_LISTED_CLIPS = 5000;

/** The section, where each clip has one label. */
export function confusionSection(
  { labels, problemType }: ReportData,
  scored: readonly ScoredClip[],
): Section | undefined {
  if (problemType !== "single_label_classification" || scored.length === 0) return undefined;
  const matrix = confusionMatrix(labels.length, scored);
  const pairs = confusions(matrix, labels.length);
  const draw = labels.length <= MAX_TABLE ? matrixTable : matrixDrawing;
  return {
    id: "confusion",
    title: "What it confuses",
    content: html`
      <p
        class="note">A row is what a clip is, a column what it was taken for. <span class="key h8 right">right</span> <span class="key h8 wrong">wrong</span> The stronger the colour, the larger the share of its row. Choose a cell to see its clips.</p>
      <div class="confusion${labels.length > MAX_WIDE ? " wide" : ""}">
        <div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix">${draw(
          labels,
          matrix,
        )}</div>
        <div class="aside">${pairList(
          labels,
          pairs.slice(0, MAX_PAIRS),
          matrix,
        )}<div id="cell" aria-live="polite"></div></div>
      </div>
      ${jsonElement("cell-data", cellData(labels, matrix, scored))}
    `,
  };
}

function matrixTable(labels: readonly string[], matrix: Int32Array): Markup {
  const isRoomy = labels.length <= MAX_ROOMY;
  const size = isRoomy ? " roomy" : labels.length > MAX_WIDE ? " dense" : "";
  return html`
    <table class="matrix${size}">
      <thead>
        <tr><td></td>${labels.map((label) =>
          html`<th scope="col"><span>${breakable(label)}</span></th>`
        )}</tr>
      </thead>
      <tbody>${labels.map((label, actual) =>
        html`<tr><th scope="row">${breakable(label)}</th>${
          labels.map((_, predicted) => tableCell(labels, matrix, { actual, predicted }, isRoomy))
        }</tr>`
      )}</tbody>
    </table>
  `;
}

function tableCell(
  labels: readonly string[],
  matrix: Int32Array,
  { actual, predicted }: Pick<Confusion, "actual" | "predicted">,
  isRoomy: boolean,
): Markup {
  const clips = matrix[actual * labels.length + predicted]!;
  if (clips === 0) return html`<td class="${actual === predicted && "diagonal"}"></td>`;
  const share = clips / rowSum(matrix, labels.length, actual);
  const name = `${labels[actual]} taken for ${labels[predicted]}: ${counted(clips, "clip")}, ${
    percent(share)
  } of the row`;
  return html`<td><button type="button" class="${
    heat(share, actual === predicted)
  }" data-cell="${actual},${predicted}" aria-label="${name}" title="${name}">${count(clips)}${
    isRoomy && html`<small>${percent(share, 0)}</small>`
  }</button></td>`;
}

function matrixDrawing(labels: readonly string[], matrix: Int32Array): Markup {
  const classes = labels.length;
  const cell = Math.max(3, 640 / classes);
  const size = round(cell * classes);
  const cells = Array.from(
    matrix,
    (clips, i) => ({ clips, actual: Math.floor(i / classes), predicted: i % classes }),
  )
    .filter(({ clips }) => clips > 0)
    .map(({ clips, actual, predicted }) => {
      const share = clips / rowSum(matrix, classes, actual);
      return html`
        <rect class="${heat(share, actual === predicted)}" x="${round(predicted * cell)}"
          y="${round(actual * cell)}" width="${round(cell)}" height="${round(cell)}"
          data-cell="${actual},${predicted}" />
      `;
    });
  return html`
    <svg class="heatmap" viewBox="0 0 ${size} ${size}" role="img"
      aria-label="Heat map of ${classes} classes; the pairs confused most are listed beside it"
      data-classes="${classes}" data-size="${size}"><rect class="ground" width="${size}"
        height="${size}"/>${cells}</svg>
    <p class="readout" id="cell-name">Point at a cell to read it.</p>
  `;
}

function pairList(
  labels: readonly string[],
  pairs: readonly Confusion[],
  matrix: Int32Array,
): Markup {
  if (pairs.length === 0) return html`<p class="calm">No clip was taken for another class.</p>`;
  return html`
    <h3>Confused most</h3>
    <ol class="pairs">${pairs.map(({ actual, predicted, clips }) =>
      html`<li><button type="button" data-cell="${actual},${predicted}"><span><b>${
        breakable(labels[actual]!)
      }</b> taken for <b>${breakable(labels[predicted]!)}</b></span><span class="figure">${
        count(clips)
      }<small>${
        percent(clips / rowSum(matrix, labels.length, actual), 0)
      }</small></span></button></li>`
    )}</ol>
  `;
}

/** What the page's script knows: clips by name, and the count of each cell as `"row,column"`. */
function cellData(
  labels: readonly string[],
  matrix: Int32Array,
  scored: readonly ScoredClip[],
): Record<string, unknown> {
  const cells = Array.from(matrix, (clips, i): [string, number] => [
    `${Math.floor(i / labels.length)},${i % labels.length}`,
    clips,
  ]);
  const counts = Object.fromEntries(cells.filter(([, clips]) => clips > 0));
  return { labels, counts, clips: listedClips(scored) };
}

/** Each as `[file, class, taken for, probability]`. */
function listedClips(scored: readonly ScoredClip[]): [string, number, number, number][] {
  return [...scored].sort((a, b) => Number(a.isRight) - Number(b.isRight) || b.loss - a.loss)
    .slice(0, MAX_LISTED_CLIPS)
    .map((one) => [
      one.name,
      one.clip.target as number,
      one.predicted,
      Number(confidenceOf(one).toFixed(3)),
    ]);
}

/** Errors are rare, so their colours rise faster. */
function heat(share: number, isRight: boolean): string {
  const level = Math.max(1, Math.round(10 * (isRight ? share : Math.sqrt(share))));
  return `h${level} ${isRight ? "right" : "wrong"}`;
}

function rowSum(matrix: Int32Array, classes: number, row: number): number {
  return matrix.subarray(row * classes, (row + 1) * classes).reduce((sum, clips) => sum + clips, 0);
}

function round(value: number): string {
  return String(Number(value.toFixed(2)));
}
