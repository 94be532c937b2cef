/**
 * A detection in recordings: timelines with what is there over what was detected, figures by class, and of a wake word
 * the curve of its mistakes.
 *
 * @module
 */
import { bar } from "./_classes_section.ts";
import { dataUrl, type EmbeddedClip } from "./_clip_audio.ts";
import { breakable, type Content, html, type Markup, type Section } from "./_html.ts";
import { lineChart } from "./_line_chart.ts";
import { count, counted, percent, place, seconds, short } from "./_numbers.ts";
import { eventsWithin, type MarkedEvent, markedEvents, type Stretch } from "./_timeline.ts";
import type { ReportDetection, ReportRecording } from "./report_data.ts";

/** Pixels of a class in a timeline, and where names take several lines. */
const [ROW, HIGH_ROW] = [22, 36];

/** Letters that fit into one line beside a timeline. */
const SHORT_NAME = 10;

/** Events narrower than this, in percent of the width, could not be seen. */
const LEAST_WIDTH = 0.3;

/** More false accepts than this in an hour are of no use. */
const MAX_ACCEPTS_PER_HOUR = 20;

/** The stretches of recordings that are shown large, and their sound. */
export interface ShownStretch {
  stretch: Stretch;
  embedded: EmbeddedClip;
}

/** Timelines, the recording with most mistakes first. */
export function timelineSection(
  shown: readonly ShownStretch[],
  { recordings }: ReportDetection,
): Section | undefined {
  if (shown.length === 0) return undefined;
  const left = recordings.length - shown.length;
  return {
    id: "timeline",
    title: "Over time",
    content: html`
      <p
        class="note">Above what is there, below what was detected. <span class="mark right"></span> met, <span
          class="mark missed"></span> missed, <span class="mark false"></span> detected without being there. Shown large
        is where most went wrong.${left > 0 &&
          ` ${counted(left, "recording")} with fewer mistakes ${
            left === 1 ? "is" : "are"
          } left out.`}</p>
      ${shown.map(timeline)}
    `,
  };
}

function timeline({ stretch, embedded }: ShownStretch): Markup {
  const { recording } = stretch;
  const { truth, detected } = markedEvents(recording);
  const found = truth.filter(({ isMatched }) => isMatched).length;
  const wrong = detected.filter(({ isMatched }) => !isMatched).length;
  return html`
    <figure class="timeline">
      <figcaption>
        <h3 class="file">${recording.file}</h3>
        <p
          class="note">${count(found)} of ${counted(truth.length, "event")} met, ${count(
            wrong,
          )} detected without being there, in ${seconds(recording.durationSec)}</p>
      </figcaption>
      ${overview(stretch, truth, detected)} ${large(stretch, embedded)}
    </figure>
  `;
}

/** The whole recording in two thin rows, where only a part of it is shown large. */
function overview(
  stretch: Stretch,
  truth: readonly MarkedEvent[],
  detected: readonly MarkedEvent[],
): Content {
  const whole = { startSec: 0, endSec: stretch.recording.durationSec };
  const [from, to] = [stretch.startSec, stretch.endSec];
  if (from === 0 && to === whole.endSec) return undefined;
  const part = box({ start: from, end: to }, whole, { y: 0, height: 28, className: "part" });
  return html`
    <svg class="lanes" height="28" role="img"
      aria-label="The whole recording; shown large is ${clock(from)} to ${clock(to)}">
      ${part}${truth.map((event) =>
        box(event, whole, { y: 3, height: 10, className: event.isMatched ? "right" : "missed" })
      )}${detected.map((event) =>
        box(event, whole, { y: 15, height: 10, className: event.isMatched ? "right" : "false" })
      )}
    </svg>
    <p class="times" aria-hidden="true"><span>${clock(0)}</span><span>${clock(
      whole.endSec,
    )}</span></p>
  `;
}

/** A row for each class, over the spectrogram that the page's script draws. */
function large(stretch: Stretch, { audio, problem }: EmbeddedClip): Markup {
  const all = markedEvents(stretch.recording);
  const truth = eventsWithin(all.truth, stretch);
  const detected = eventsWithin(all.detected, stretch);
  const labels = [...new Set([...truth, ...detected].map(({ label }) => label))].sort();
  const isLong = labels.some((label) => label.length > SHORT_NAME);
  const rowHeight = isLong ? HIGH_ROW : ROW;
  const rows = labels.map((label, row) => {
    return classRow({ label, row, rowHeight }, { stretch, truth, detected });
  });
  const name = `${stretch.recording.file}, ${clock(stretch.startSec)} to ${clock(stretch.endSec)}`;
  const sound = audio &&
    html`<audio controls preload="metadata" src="${dataUrl(audio)}" aria-label="${name}"></audio>`;
  return html`
    <div class="${audio ? "player" : "silent"}${isLong && " long"}">
      <ul class="names">${labels.map((label) => html`<li>${breakable(label)}</li>`)}</ul>
      <svg class="wave lanes" height="${rowHeight *
        Math.max(1, labels.length)}" role="img" aria-label="${name}: ${spoken(
          truth,
          detected,
        )}">${rows}</svg>
      ${sound}
    </div>
    <p class="times" aria-hidden="true"><span>${clock(stretch.startSec)}</span><span>${clock(
      stretch.endSec,
    )}</span></p>
    ${problem !== undefined && html`<p class="note">It cannot be played here: ${problem}</p>`}
  `;
}

function classRow(
  { label, row, rowHeight }: { label: string; row: number; rowHeight: number },
  { stretch, truth, detected }: {
    stretch: Stretch;
    truth: readonly MarkedEvent[];
    detected: readonly MarkedEvent[];
  },
): Markup {
  const bottom = (row + 1) * rowHeight;
  const y = bottom - (rowHeight + ROW) / 2;
  const own = (events: readonly MarkedEvent[]) => events.filter((event) => event.label === label);
  return html`
    <line x1="0" x2="100%" y1="${bottom}" y2="${bottom}" />${own(truth).map((event) =>
      box(event, stretch, { y: y + 3, height: 7, className: event.isMatched ? "right" : "missed" })
    )}${own(detected).map((event) =>
      box(event, stretch, { y: y + 12, height: 7, className: event.isMatched ? "right" : "false" })
    )}
  `;
}

function box(
  { start, end }: { start: number; end: number },
  { startSec, endSec }: Pick<Stretch, "startSec" | "endSec">,
  { y, height, className }: { y: number; height: number; className: string },
): Markup {
  const share = (from: number, to: number) => 100 * (to - from) / (endSec - startSec);
  const width = Math.max(LEAST_WIDTH, share(start, end));
  return html`
    <rect class="${className}" x="${share(startSec, start).toFixed(2)}%" width="${width.toFixed(
      2,
    )}%" y="${place(y)}"
      height="${height}" />
  `;
}

/** The rows in words, for those who do not see them. */
function spoken(truth: readonly MarkedEvent[], detected: readonly MarkedEvent[]): string {
  const list = (events: readonly MarkedEvent[]) => {
    return events.map(({ label, start }) => `${label} at ${clock(start)}`).join(", ") || "nothing";
  };
  const missed = truth.filter(({ isMatched }) => !isMatched);
  const wrong = detected.filter(({ isMatched }) => !isMatched);
  return `there is ${list(truth)}; missed ${list(missed)}; wrongly detected ${list(wrong)}`;
}

/** A time in a recording: "1:02:03" or "2:03". */
export function clock(sec: number): string {
  const whole = Math.round(sec);
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** The figures of each class, the weakest first. */
export function detectionClassesSection({ segment, event }: ReportDetection): Section | undefined {
  const labels = Object.keys(event.perClass);
  if (labels.length === 0) return undefined;
  const rank = (label: string) => event.perClass[label]!.f1;
  const headings = ["Events", "Detected", "Precision", "Recall", "Event F1", "Segment F1"];
  return {
    id: "classes",
    title: "Class by class",
    content: html`
      <p
        class="note">An event counts as found where beginning and end are near enough: the beginning within 200 ms, the end within 200 ms or 20 % of the event. Segment F1 asks only which seconds a class is in. Weakest first; a heading sorts.</p>
      <div class="scroll tall" tabindex="0" role="region" aria-label="Class by class">
        <table class="numbers sortable">
          <thead>
            <tr><th scope="col" aria-sort="none"><button type="button" data-sort="text">Class</button></th>${headings
              .map((name) =>
                html`
                  <th scope="col"
                    aria-sort="${name === "Event F1"
                      ? "ascending"
                      : "none"}"><button type="button" data-sort="number">${name}</button></th>
                `
              )}</tr>
          </thead>
          <tbody>${labels.sort((a, b) => rank(a) - rank(b)).map((label) => {
            const own = event.perClass[label]!;
            const events = own.truePositives + own.falseNegatives;
            const detected = own.truePositives + own.falsePositives;
            const shares = [own.precision, own.recall, own.f1, segment.perClass[label]?.f1 ?? NaN];
            return html`<tr><th scope="row">${breakable(label)}</th>${
              [events, detected].map((value) =>
                html`<td data-value="${value}">${count(value)}</td>`
              )
            }${shares.map(shareCell)}</tr>`;
          })}</tbody>
        </table>
      </div>
    `,
  };
}

function shareCell(share: number): Markup {
  if (Number.isNaN(share)) return html`<td data-value="-1">–</td>`;
  return html`<td data-value="${share}">${bar(share)}<span class="figure">${
    percent(share, 0)
  }</span></td>`;
}

/** Misses of a wake word over its false accepts. */
export function wakeWordSection({ wakeWord }: ReportDetection): Section | undefined {
  if (!wakeWord) return undefined;
  const { label, words, curve } = wakeWord;
  const points = curve.filter(({ falseAcceptsPerHour: rate, missRate }) =>
    rate <= MAX_ACCEPTS_PER_HOUR && Number.isFinite(missRate)
  ).map(({ falseAcceptsPerHour, missRate }) => [falseAcceptsPerHour, missRate] as const)
    .sort(([a, b], [c, d]) => a - c || d - b);
  if (points.length < 2) return undefined;
  return {
    id: "wake-word",
    title: `“${label}” as a wake word`,
    content: html`
      <p
        class="note">Each threshold has a point: how often in an hour something else is taken for the word, and how much of ${counted(
          words,
          "word",
        )} is missed.</p>
      <div class="charts">${lineChart({
        title: "Misses",
        note: "over false accepts an hour; nearer to the corner is better",
        series: [{ name: "missed", points, hasDots: true }],
        xName: "an hour",
        format: (share) => percent(share, Number.isInteger(share * 100) ? 0 : 1),
      })}</div>
    `,
  };
}

/** The sentence under the heading. */
export function detectionSentence({ recordings, event }: ReportDetection): string {
  const { truePositives, falseNegatives, falsePositives } = event.micro;
  const hours = recordings.reduce((sum, { durationSec }) => sum + durationSec, 0);
  return `${count(truePositives)} of ${
    counted(truePositives + falseNegatives, "event")
  } detected ` +
    `where they begin and end, ${count(falsePositives)} besides, in ${seconds(hours)} of sound.`;
}

/** The figures under it. */
export function detectionFigures(
  { segment, event, psds }: ReportDetection,
): { name: string; value: string; note: string }[] {
  const figure = (value: number) => Number.isNaN(value) ? "–" : value.toFixed(3);
  return [
    { name: "Segment F1", value: figure(segment.micro.f1), note: "seconds, all classes together" },
    { name: "Event F1", value: figure(event.micro.f1), note: "beginnings and ends, all together" },
    { name: "Macro event F1", value: figure(event.macroF1), note: "mean over the classes" },
    { name: "PSDS", value: Number.isNaN(psds) ? "–" : short(psds), note: "over all thresholds" },
  ];
}

/** How many of a recording's events were not met by the other side: the order of the timelines. */
export function mistakeCount(recording: ReportRecording): number {
  const { truth, detected } = markedEvents(recording);
  return [...truth, ...detected].filter(({ isMatched }) => !isMatched).length;
}
