/**
 * How each class fared: a table that sorts by any column.
 *
 * @module
 */
import { breakable, html, type Markup, type Section } from "./_html.ts";
import { count, percent } from "./_numbers.ts";
import { type ClassScores, scoreClasses, type ScoredClip } from "./_scores.ts";
import type { ReportData } from "./report_data.ts";

const COLUMNS = [
  { name: "Clips", key: "samples" },
  { name: "Precision", key: "precision" },
  { name: "Recall", key: "recall" },
  { name: "F1", key: "f1" },
] as const;

/** The section, weakest class first; nothing for regression. */
export function classesSection(
  data: ReportData,
  scored: readonly ScoredClip[],
): Section | undefined {
  if (data.problemType === "regression" || scored.length === 0) return undefined;
  const rows = scoreClasses(data, scored).sort((a, b) => rank(a) - rank(b));
  return {
    id: "classes",
    title: "Class by class",
    content: html`
      <p
        class="note">Precision: how much of what was taken for the class is of it. Recall: how much of the class was found. F1 is low when either is. Weakest first; a heading sorts.</p>
      <div class="scroll tall" tabindex="0" role="region" aria-label="Class by class">
        <table class="numbers sortable">
          <thead>
            <tr>${heading("Class", "text")}${COLUMNS.map(({ name }) =>
              heading(name, name === "F1" ? "ascending" : "number")
            )}</tr>
          </thead>
          <tbody>${rows.map(tableRow)}</tbody>
        </table>
      </div>
    `,
  };
}

/** Classes without clips say nothing, and come last. */
function rank({ samples, f1 }: ClassScores): number {
  return samples > 0 ? f1 : 2;
}

function heading(name: string, sort: "text" | "number" | "ascending"): Markup {
  const order = sort === "ascending" ? "ascending" : "none";
  return html`
    <th scope="col"
      aria-sort="${order}"><button type="button" data-sort="${sort === "text"
        ? "text"
        : "number"}">${name}</button></th>
  `;
}

function tableRow(row: ClassScores): Markup {
  return html`<tr><th scope="row">${breakable(row.label)}</th>${
    COLUMNS.map(({ key }) =>
      key === "samples"
        ? html`<td data-value="${row[key]}">${count(row[key])}</td>`
        : html`<td data-value="${row[key]}">${
          row.samples > 0
            ? [bar(row[key]), html`<span class="figure">${percent(row[key], 0)}</span>`]
            : "–"
        }</td>`
    )
  }</tr>`;
}

/** A share as the length of a bar. */
export function bar(share: number, series = 0): Markup {
  return html`
    <svg class="bar" aria-hidden="true">
      <rect width="100%" height="100%" rx="2" />
      <rect class="fill s${series}" width="${(100 * share).toFixed(1)}%" height="100%" rx="2" />
    </svg>
  `;
}
