/**
 * Draws the history of all benches as one page: `deno task bench:report [OUTPUT.html]`.
 *
 * A line for each processor, since figures of two cannot be compared; a value that is worse than those before it on the
 * same processor is marked. The page needs no other file. The exit code is 1 where something got worse.
 *
 * @module
 */
import { readHistory } from "./_records.ts";
import { fromWhereTyped } from "./_process.ts";
import { type Series, type Trend, trendsOf } from "./_trend.ts";

/** Marks of processors, in the order in which they first come: each differs in colour and in shape. */
const HUES = ["#1b6ca8", "#bf5209", "#7b4fa0", "#2b7d4f", "#66727f"];
const SHAPES = ["circle", "square", "diamond", "triangle", "cross"] as const;

const [WIDTH, HEIGHT, MARGIN] = [260, 64, 8];

/** A change that is none, two digits shown. */
const UNCHANGED = 0.005;

const STYLE = `
:root{--page:#faf9f6;--ink:#1d1f23;--muted:#5c6068;--rule:#e2dfd8;--bad:#a8300a}
body{margin:0 auto;max-width:76rem;padding:2rem clamp(1rem,4vw,2.5rem) 5rem;background:var(--page);color:var(--ink);
font:400 1rem/1.5 system-ui,sans-serif}
h1{font-size:2.2rem;line-height:1.15;margin:0 0 .4rem}h2{font-size:1.4rem;margin:3rem 0 .3rem}
p{margin:0 0 .7rem}.note{color:var(--muted);max-width:46rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top;font-weight:400}
thead th{color:var(--muted);font-size:.85rem}td.value{white-space:nowrap}
small{color:var(--muted);font-size:.82rem}a{color:inherit}.bad,.bad small{color:var(--bad);font-weight:600}
.scroll{overflow-x:auto}.legend{list-style:none;padding:0;margin:0 0 1rem}.legend svg{vertical-align:-.2em;margin-right:.5rem}
svg text{font:400 11px system-ui,sans-serif;fill:var(--muted)}
@media(prefers-color-scheme:dark){:root{--page:#131518;--ink:#eceae5;--muted:#a3a7ae;--rule:#30343a;--bad:#ff8a5c}}
`;

/** The page of some trends. */
export function pageOf(trends: readonly Trend[]): string {
  const processors = [
    ...new Set(trends.flatMap(({ series }) => series.map((one) => one.processor))),
  ];
  const questions = [...new Set(trends.map(({ question }) => question))];
  const worse = trends.filter(({ series }) => series.some((one) => one.isRegression));
  const verdict = worse.length === 0
    ? "<p>Nothing is worse than before.</p>"
    : `<p class="bad">Worse than before: ${worse.length}</p><ul>${
      worse.map(({ question, name }) =>
        `<li><a href="#${anchorOf(question)}">${escaped(`${question}: ${name}`)}</a></li>`
      ).join("")
    }</ul>`;
  const sections = questions.map((question) =>
    sectionOf(question, trends.filter((trend) => trend.question === question), processors)
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Earshot: history of the benches</title><style>${STYLE}</style>
<h1>History of the benches</h1>
<p class="note">The last value on each processor, against the median of up to five before it on the same
one. Timed figures count as worse from a tenth on, counted ones at once.</p>
<ul class="legend">${
    processors.map((name, i) => `<li>${keyOf(i)}${escaped(name)}</li>`).join("")
  }</ul>
${verdict}
${sections.join("\n")}
</html>
`;
}

function sectionOf(question: string, trends: Trend[], processors: string[]): string {
  return `<h2 id="${anchorOf(question)}">${escaped(question)}</h2>
<div class="scroll"><table><thead><tr><th>figure<th>last<th>against before<th>beside<th>over time</thead>
${trends.map((trend) => rowOf(trend, processors)).join("\n")}
</table></div>`;
}

function rowOf({ name, unit, series, beside }: Trend, processors: string[]): string {
  const isBad = series.some((one) => one.isRegression);
  const last = series.map(({ processor, points }) => {
    const { value, date, commit } = points.at(-1)!;
    return `${keyOf(processors.indexOf(processor))}${value} ${escaped(unit)} <small>${
      escaped(`${date}, ${commit}`)
    }</small>`;
  });
  const changes = series.map(({ change, isRegression }) => {
    if (change === undefined) return "–";
    if (Math.abs(change - 1) < UNCHANGED) return "as before";
    const text = change >= 1
      ? `${change.toFixed(2)} x better`
      : `${(1 / change).toFixed(2)} x worse`;
    return isRegression ? `<span class="bad">▼ ${text}</span>` : text;
  });
  const ratios = beside.map(({ baseline, ratio }) => `${ratio} x ${escaped(baseline ?? "")}`);
  return `<tr${isBad ? ' class="bad"' : ""}><td>${escaped(name)}<td class="value">${
    last.join("<br>")
  }<td class="value">${changes.join("<br>")}<td>${ratios.join("<br>")}<td>${
    chartOf(series, processors)
  }`;
}

/** The lines of a figure; nothing where no processor has two points. */
function chartOf(series: readonly Series[], processors: readonly string[]): string {
  if (series.every(({ points }) => points.length < 2)) return "";
  const points = series.flatMap((one) => one.points);
  const dates = [...new Set(points.map(({ date, commit }) => `${date} ${commit}`))].sort();
  const high = Math.max(...points.map(({ value }) => value)) || 1;
  const x = (at: number) => MARGIN + at / Math.max(1, dates.length - 1) * (WIDTH - 2 * MARGIN);
  const y = (value: number) => HEIGHT - MARGIN - value / high * (HEIGHT - 2 * MARGIN);
  const lines = series.map(({ processor, points, isRegression }) => {
    const mark = processors.indexOf(processor);
    const places = points.map(({ date, commit, value }, i) => ({
      ...{ x: x(dates.indexOf(`${date} ${commit}`)), y: y(value) },
      title: `${value}, ${date}, ${commit}, ${processor}`,
      isBad: isRegression && i === points.length - 1,
    }));
    const path = places.map((place) => `${place.x.toFixed(1)},${place.y.toFixed(1)}`).join(" ");
    const shapes = places.map((place) =>
      `<g><title>${escaped(place.title)}</title>${shapeOf(mark, place)}${
        place.isBad
          ? `<circle cx="${place.x}" cy="${place.y}" r="7" fill="none" stroke="var(--bad)" stroke-width="2"/>`
          : ""
      }</g>`
    );
    return `<polyline points="${path}" fill="none" stroke="${
      HUES[mark % HUES.length]
    }" stroke-width="1.5"/>${shapes.join("")}`;
  });
  const [from, to] = [dates[0]!, dates.at(-1)!].map((date) => date.slice(0, 10));
  return `<svg width="${WIDTH}" height="${HEIGHT + 14}" role="img" aria-label="over time">
<line x1="0" x2="${WIDTH}" y1="${y(0)}" y2="${y(0)}" stroke="var(--rule)"/>${lines.join("")}
<text x="0" y="${HEIGHT + 11}">${from}</text><text x="${WIDTH}" y="${
    HEIGHT + 11
  }" text-anchor="end">${to}</text></svg>`;
}

function keyOf(mark: number): string {
  return `<svg width="14" height="14" aria-hidden="true">${shapeOf(mark, { x: 7, y: 7 })}</svg>`;
}

function shapeOf(mark: number, { x, y }: { x: number; y: number }): string {
  const fill = `fill="${HUES[mark % HUES.length]}"`;
  const polygon = (...corners: [number, number][]) =>
    `<polygon ${fill} points="${corners.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ")}"/>`;
  switch (SHAPES[mark % SHAPES.length]!) {
    case "circle":
      return `<circle cx="${x}" cy="${y}" r="3.5" ${fill}/>`;
    case "square":
      return polygon([-3, -3], [3, -3], [3, 3], [-3, 3]);
    case "diamond":
      return polygon([0, -4.5], [4.5, 0], [0, 4.5], [-4.5, 0]);
    case "triangle":
      return polygon([0, -4], [4, 3.5], [-4, 3.5]);
    case "cross":
      return polygon([-4, -1], [4, -1], [4, 1], [-4, 1]) +
        polygon([-1, -4], [1, -4], [1, 4], [-1, 4]);
  }
}

function anchorOf(question: string): string {
  return `q-${question.replace(/\W/g, "-")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

if (import.meta.main) {
  const output = Deno.args[0]
    ? fromWhereTyped(Deno.args[0])
    : new URL("results/history.html", import.meta.url).pathname;
  const trends = trendsOf(await readHistory());
  await Deno.writeTextFile(output, pageOf(trends));
  const worse = trends.filter(({ series }) => series.some((one) => one.isRegression));
  for (const { question, name } of worse) console.log(`worse: ${question}: ${name}`);
  console.log(`${trends.length} figures, ${worse.length} worse than before: ${output}`);
  if (worse.length > 0) Deno.exitCode = 1;
}
