/**
 * How a run went: loss, metrics and learning rate over the epochs.
 *
 * @module
 */
import { html, type Markup, type Section } from "./_html.ts";
import { type LineChart, lineChart, type Series } from "./_line_chart.ts";
import { percent, scientific, short } from "./_numbers.ts";
import type { ReportData, ReportLogEntry } from "./report_data.ts";

/** What evaluation logs that is no metric. */
const NO_METRICS = /^eval_(loss|runtime|samples_per_second|steps_per_second|.*_time)$/;

/** Lines that stay readable in one chart. */
const MAX_METRICS = 3;

/** Charts of the log, and its evaluations as a table; nothing where nothing was logged. */
export function learningSection({ history = [] }: ReportData): Section | undefined {
  const charts = [lossChart(history), metricsChart(history), rateChart(history)]
    .filter((chart) => chart !== undefined)
    // One point is no course; the table has it.
    .filter(({ series }) => series.some(({ points }) => points.length > 1));
  const table = evaluationTable(history);
  if (charts.length === 0 && !table) return undefined;
  return {
    id: "learning",
    title: "How it learned",
    content: html`<div class="charts">${charts.map(lineChart)}</div>${table}`,
  };
}

function lossChart(history: readonly ReportLogEntry[]): LineChart | undefined {
  const validation = pointsOf(history, "eval_loss");
  const series = named([
    { name: "training", points: pointsOf(history, "loss") },
    { name: "validation", points: validation, hasDots: true },
  ]);
  if (series.length === 0) return undefined;
  const best = validation.reduce((a, b) => b[1] < a[1] ? b : a, [0, Infinity] as const);
  return {
    title: "Loss",
    note: validation.length > 0
      ? `Lowest in validation: ${short(best[1])}, after epoch ${epochText(best[0])}`
      : `At the end: ${short(series[0]!.points.at(-1)![1])}`,
    series,
    xName: "epoch",
    format: short,
  };
}

function metricsChart(history: readonly ReportLogEntry[]): LineChart | undefined {
  const names = new Set(history.flatMap(Object.keys).filter((name) => name.startsWith("eval_")));
  const series = named(
    [...names].filter((name) => !NO_METRICS.test(name)).sort(accuracyFirst).map((name) => ({
      name: name.slice("eval_".length).replaceAll("_", " "),
      points: pointsOf(history, name),
      hasDots: true,
    })),
  ).filter(({ points }) => points.every(([, y]) => y >= 0 && y <= 1)).slice(0, MAX_METRICS);
  if (series.length === 0) return undefined;
  const [{ name, points }] = series as [Series];
  const best = points.reduce((a, b) => b[1] > a[1] ? b : a);
  return {
    title: series.length === 1 ? capital(name) : "Metrics",
    note: `Best ${name}: ${percent(best[1])}, after epoch ${epochText(best[0])}`,
    series: series.length === 1 ? [{ ...series[0]!, name: "validation" }] : series,
    xName: "epoch",
    yRange: [0, 1],
    format: (share) => percent(share, Number.isInteger(share * 100) ? 0 : 1),
  };
}

function accuracyFirst(one: string, other: string): number {
  return Number(other === "eval_accuracy") - Number(one === "eval_accuracy");
}

function rateChart(history: readonly ReportLogEntry[]): LineChart | undefined {
  const points = pointsOf(history, "learning_rate");
  if (points.length === 0) return undefined;
  const highest = points.reduce((a, b) => b[1] > a[1] ? b : a);
  return {
    title: "Learning rate",
    note: `Highest: ${scientific(highest[1])}, at epoch ${epochText(highest[0])}`,
    series: [{ name: "rate", points }],
    xName: "epoch",
    format: scientific,
  };
}

function pointsOf(history: readonly ReportLogEntry[], name: string): [number, number][] {
  return history.filter((entry) => Number.isFinite(entry[name]))
    .map((entry) => [entry.epoch ?? entry.step ?? 0, entry[name]!]);
}

function named(series: Series[]): Series[] {
  return series.filter(({ points }) => points.length > 0);
}

function epochText(epoch: number): string {
  return String(Number(epoch.toFixed(2)));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The numbers behind the curves, for those who do not see them. */
function evaluationTable(history: readonly ReportLogEntry[]): Markup | undefined {
  const rows = history.filter((entry) => Number.isFinite(entry.eval_loss));
  if (rows.length === 0) return undefined;
  const metrics = Object.keys(rows[0]!).filter((name) =>
    name.startsWith("eval_") && !NO_METRICS.test(name)
  ).slice(0, MAX_METRICS);
  return html`
    <details>
      <summary>The numbers, evaluation by evaluation</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Evaluations">
        <table class="numbers">
          <thead>
            <tr><th scope="col">Epoch</th><th scope="col">Step</th><th scope="col">Training loss</th><th scope="col">Validation loss</th>${metrics
              .map((name) =>
                html`<th scope="col">${capital(name.slice(5).replaceAll("_", " "))}</th>`
              )}</tr>
          </thead>
          <tbody>${rows.map((row) =>
            html`<tr><th scope="row">${epochText(row.epoch ?? 0)}</th><td>${
              row.step ?? "–"
            }</td><td>${lossBefore(history, row)}</td><td>${row.eval_loss!.toFixed(4)}</td>${
              metrics.map((name) => html`<td>${row[name]?.toFixed(4) ?? "–"}</td>`)
            }</tr>`
          )}</tbody>
        </table>
      </div>
    </details>
  `;
}

function lossBefore(history: readonly ReportLogEntry[], row: ReportLogEntry): string {
  const before = history.slice(0, history.indexOf(row)).findLast((entry) =>
    entry.loss !== undefined
  );
  return before?.loss?.toFixed(4) ?? "–";
}
