/**
 * A chart of lines over one axis, drawn as SVG: labels stand at the ends of their lines, and the page's script adds a
 * read-out under the pointer or the arrow keys.
 *
 * @module
 */
import { type Content, html, type Markup } from "./_html.ts";
import { place, short } from "./_numbers.ts";

/** One line; its place in the list gives its colour. */
export interface Series {
  readonly name: string;
  /** From left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Dots as well as a line, for values that are few. */
  readonly hasDots?: boolean;
}

/** What a chart shows. */
export interface LineChart {
  readonly title: string;
  /** What is worth knowing without reading the curve. */
  readonly note?: Content;
  readonly series: readonly Series[];
  readonly xName: string;
  /** Range that is always shown. @default [0, 0] */
  readonly yRange?: readonly [number, number];
  /** Shows a value of the y axis. */
  readonly format: (value: number) => string;
}

/** More points than this cannot be seen apart. */
const MAX_POINTS = 300;

const [WIDTH, HEIGHT] = [420, 250];
const MARGIN = { top: 14, right: 78, bottom: 34, left: 48 };
const LABEL_HEIGHT = 15;

/** Letters that fit to the right of the lines. */
const MAX_END_NAME = 11;

interface Scale {
  ticks: number[];
  at(value: number): number;
}

/** Draws the chart with its title. */
export function lineChart(chart: LineChart): Markup {
  const series = chart.series.map((one) => ({ ...one, points: thinned(one.points) }));
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const x = scale(Math.min(...xs), Math.max(...xs), [MARGIN.left, WIDTH - MARGIN.right]);
  const [low, high] = chart.yRange ?? [0, 0];
  const y = scale(Math.min(low, ...ys), Math.max(high, ...ys), [
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  ], true);
  const readings = series.map(({ name, points }) => ({
    name,
    points: points.map(([px, py]) => [
      Number(place(x.at(px))),
      Number(place(y.at(py))),
      `${chart.xName} ${tickText(short(px))}`,
      chart.format(py),
    ]),
  }));
  const names = series.map(({ name }) => name).join(" and ");
  return html`
    <figure class="chart">
      <figcaption>
        <h3>${chart.title}</h3>
        <p class="note">${chart.note}</p>
      </figcaption>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" tabindex="0"
        aria-label="${chart.title}: ${names} over the ${chart.xName}. Arrow keys read the values."
        data-readings="${JSON.stringify(readings)}">
    ${axes(x, y, chart)}${series.map((one, i) => curve(one, i, x, y))}${endLabels(series, y)}
    <g class="cursor" hidden><line y1="${MARGIN.top}" y2="${HEIGHT - MARGIN.bottom}"/></g></svg>
      <p class="readout" aria-live="polite"></p>
    </figure>
  `;
}

function axes(x: Scale, y: Scale, { xName, format }: LineChart): Markup {
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const rows = y.ticks.map((tick) => {
    const at = place(y.at(tick));
    return html`
      <line x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}" />
      <text x="${MARGIN.left - 8}" y="${at}" dy="4" text-anchor="end">${tickText(
        format(tick),
      )}</text>
    `;
  });
  const columns = x.ticks.map((tick) =>
    html`<text x="${place(x.at(tick))}" y="${bottom + 18}" text-anchor="middle">${
      tickText(short(tick))
    }</text>`
  );
  return html`<g class="axis">${rows}${columns}<text x="${right + 16}" y="${
    bottom + 18
  }">${xName}</text></g>`;
}

/** Without zeros that say nothing. */
function tickText(text: string): string {
  return /^-?\d+\.\d+$/.test(text) ? String(Number(text)) : text;
}

function curve({ points, hasDots }: Series, index: number, x: Scale, y: Scale): Markup {
  const path = points.map(([px, py], i) => `${i ? "L" : "M"}${place(x.at(px))} ${place(y.at(py))}`);
  const dots = hasDots && points.length <= 40 || points.length === 1;
  return html`
    <path class="line s${index}" d="${path.join("")}" />${dots && points.map(([px, py]) =>
      html`
        <circle class="dot s${index}" cx="${place(x.at(px))}" cy="${place(y.at(py))}" r="2.6" />
      `
    )}
  `;
}

/** The names at the ends of the lines, moved apart where they would touch. */
function endLabels(series: readonly Series[], y: Scale): Markup[] {
  const labels = series.map(({ name, points }, index) => ({
    name,
    index,
    y: y.at(points.at(-1)![1]),
  }))
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i++) {
    labels[i]!.y = Math.max(labels[i]!.y, labels[i - 1]!.y + LABEL_HEIGHT);
  }
  const over = labels.length > 0 ? labels.at(-1)!.y - (HEIGHT - MARGIN.bottom) : 0;
  return labels.map((label) =>
    html`<text class="end s${label.index}" x="${WIDTH - MARGIN.right + 8}" y="${
      place(label.y - Math.max(0, over) + 4)
    }">${endName(label.name)}</text>`
  );
}

/** As much of a name as there is room for; the read-out has the whole. */
function endName(name: string): string {
  return name.length > MAX_END_NAME ? `${name.slice(0, MAX_END_NAME - 1)}…` : name;
}

/** Every point where they are few; else evenly picked ones, the last always. */
function thinned(points: Series["points"]): Series["points"] {
  if (points.length <= MAX_POINTS) return points;
  const step = (points.length - 1) / (MAX_POINTS - 1);
  return Array.from({ length: MAX_POINTS }, (_, i) => points[Math.round(i * step)]!);
}

function scale(low: number, high: number, [from, to]: [number, number], isRound = false): Scale {
  const ticks = roundTicks(low, high);
  const [first, last] = isRound ? [ticks[0]!, Math.max(ticks.at(-1)!, high)] : [low, high];
  const span = last - first || 1;
  return {
    ticks: ticks.filter((tick) => tick >= first && tick <= last),
    at: (value) => from + (value - first) / span * (to - from),
  };
}

/** About four numbers with few digits; the first is at or below `low`, the last at or near `high`. */
export function roundTicks(low: number, high: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const magnitude = 10 ** Math.floor(Math.log10(span / 4));
  const step = magnitude * [1, 2, 5, 10].find((factor) => factor * magnitude >= span / 4.5)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil((low + span) / step - 0.3);
  return Array.from(
    { length: last - first + 1 },
    (_, i) => Number(((first + i) * step).toPrecision(12)),
  );
}
