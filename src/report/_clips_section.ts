/**
 * The clips that the model got most wrong, to look at and to listen to.
 *
 * @module
 */
import { bar } from "./_classes_section.ts";
import { dataUrl, type EmbeddedClip } from "./_clip_audio.ts";
import { breakable, type Content, html, type Markup, type Section } from "./_html.ts";
import { counted, percent, place, seconds, short } from "./_numbers.ts";
import type { ScoredClip } from "./_scores.ts";
import type { ClipAudio, ReportData } from "./report_data.ts";

/** Scores that a card shows at most. */
const MAX_SCORES = 3;

const [WIDTH, HEIGHT] = [300, 56];

/** One column of the waveform every so many units. */
const COLUMN = 1.5;

/** The clips with the highest loss, the worst first. */
export function worstClips(scored: readonly ScoredClip[], most: number): ScoredClip[] {
  return [...scored].sort((a, b) => b.loss - a.loss).slice(0, most);
}

/** The section; `embedded` has the sound of each of the clips. */
export function clipsSection(
  data: ReportData,
  clips: readonly ScoredClip[],
  embedded: readonly EmbeddedClip[],
): Section | undefined {
  if (clips.length === 0) return undefined;
  const isRegression = data.problemType === "regression";
  return {
    id: "clips",
    title: "The hardest clips",
    content: html`
      <p
        class="note">The ${counted(
          clips.length,
          "clip",
        )} with the highest loss. Some are the model's fault, some the label's: listen.${isRegression
          ? ""
          : " The right answer is blue."}</p>
      <ol class="clips">${clips.map((clip, i) => card(data, clip, embedded[i] ?? {}))}</ol>
    `,
  };
}

function card(data: ReportData, one: ScoredClip, embedded: EmbeddedClip): Markup {
  const { name } = one;
  const slash = Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\"));
  const [folder, file] = [name.slice(0, slash + 1), name.slice(slash + 1)];
  return html`
    <li class="clip" data-file="${name}">
      <div class="what">${headline(data, one)}<span class="loss">${short(one.loss)}</span></div>
      ${player(name, embedded)}
      ${scores(data, one)}
      <p class="file"><span>${folder}</span>${file}${lengthNote(embedded, one.clip.durationSec)}</p>
    </li>
  `;
}

function headline(
  { labels, problemType }: ReportData,
  { clip, predicted, isRight, scores }: ScoredClip,
): Markup {
  if (problemType === "regression") {
    return html`<h3>${short(clip.target as number)} <span class="taken">estimated as <b>${
      short(scores[0]!)
    }</b></span></h3>`;
  }
  if (problemType === "multi_label_classification") {
    const actual = namesWhere(labels, (i) => (clip.target as readonly number[])[i]! > 0.5);
    const found = namesWhere(labels, (i) => scores[i]! > 0.5);
    return html`<h3>${actual} <span class="taken">${
      isRight ? "found" : html`taken for <b>${found}</b>`
    }</span></h3>`;
  }
  const taken = isRight
    ? html`right, but unsure`
    : html`taken for <b>${breakable(labels[predicted]!)}</b>`;
  return html`<h3>${
    breakable(labels[clip.target as number]!)
  } <span class="taken">${taken}</span></h3>`;
}

function namesWhere(labels: readonly string[], test: (label: number) => boolean): string {
  return labels.filter((_, i) => test(i)).join(", ") || "nothing";
}

/** The highest scores, and those of the right answers, as bars. */
function scores({ labels, problemType }: ReportData, { clip, scores }: ScoredClip): Content {
  if (problemType === "regression") return undefined;
  const { target } = clip;
  const isActual = (i: number) => typeof target === "number" ? target === i : target[i]! > 0.5;
  const order = [...labels.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const top = order.slice(0, MAX_SCORES);
  const actual = order.find((i) => isActual(i) && !top.includes(i));
  const shown = actual === undefined ? top : [...top.slice(0, -1), actual];
  return html`<ul class="scores">${
    shown.map((i) =>
      html`<li${
        isActual(i) && html`
          class="actual"
        `
      }><span>${breakable(labels[i]!)}${
        isActual(i) && html`<span class="hidden"> (right)</span>`
      }</span>${bar(scores[i]!, isActual(i) ? 0 : 1)}<span class="figure">${
        percent(scores[i]!, 0)
      }</span></li>`
    )
  }</ul>`;
}

function player(name: string, { audio, problem }: EmbeddedClip): Content {
  if (problem !== undefined) return html`<p class="note">It cannot be played here: ${problem}</p>`;
  if (!audio) return undefined;
  return html`
    <div class="player">
      <svg class="wave" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"
        aria-hidden="true">
        <path d="${wavePath(audio)}" />
      </svg>
      <audio controls preload="metadata" src="${dataUrl(audio)}" aria-label="${name}"></audio>
    </div>
  `;
}

function lengthNote({ audio, wholeSec }: EmbeddedClip, durationSec?: number): Content {
  const whole = wholeSec ?? durationSec;
  if (whole === undefined) return undefined;
  const playedSeconds = audio ? audio.samples.length / audio.sampleRateHz : whole;
  const isCut = whole - playedSeconds > 0.05;
  const text = isCut ? `first ${seconds(playedSeconds)} of ${seconds(whole)}` : seconds(whole);
  return html`
    <span class="length">${text}</span>
  `;
}

/** The range of the samples under each column, as one closed outline; quiet clips are drawn larger. */
function wavePath({ samples }: ClipAudio): string {
  const columns = WIDTH / COLUMN;
  const peak = samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  const y = (x: number) => place(HEIGHT / 2 * (1 - x / peak * 0.94));
  const upper: string[] = [];
  const lower: string[] = [];
  for (let column = 0; column < columns; column++) {
    const part = samples.subarray(
      Math.floor(column * samples.length / columns),
      Math.ceil((column + 1) * samples.length / columns),
    );
    const x = place(column * COLUMN);
    upper.push(`${x} ${y(part.reduce((a, b) => Math.max(a, b), 0))}`);
    lower.push(`${x} ${y(part.reduce((a, b) => Math.min(a, b), 0))}`);
  }
  return `M${upper.join("L")}L${lower.reverse().join("L")}Z`;
}
