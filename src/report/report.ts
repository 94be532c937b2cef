/**
 * A run as one page to look at: `report.html`, which needs nothing but a browser.
 *
 * The page holds its style, its script and its sounds, asks no server for anything, and says so in its
 * content-security policy: style and script are allowed by their hashes, so a label or a file name cannot run.
 * Without the script it can still be read and printed; the script adds read-outs, sorting and players. Equal input
 * gives equal bytes.
 *
 * @module
 */
import { classesSection } from "./_classes_section.ts";
import { embedClips } from "./_clip_audio.ts";
import { clipsSection, worstClips } from "./_clips_section.ts";
import { confidenceSection } from "./_confidence_section.ts";
import { scoresSection } from "./_scores_section.ts";
import { confusionSection } from "./_confusion_section.ts";
import { dataSection } from "./_data_section.ts";
import {
  detectionClassesSection,
  mistakeCount,
  type ShownStretch,
  timelineSection,
  wakeWordSection,
} from "./_detection_section.ts";
import { worstStretch } from "./_timeline.ts";
import { html, Markup, type Section } from "./_html.ts";
import { learningSection } from "./_learning_section.ts";
import { SCRIPT } from "./_script.ts";
import { scoreClips } from "./_scores.ts";
import { settingsSection } from "./_settings_section.ts";
import { STYLE } from "./_style.ts";
import { summary } from "./_summary.ts";
import { valuesSection } from "./_values_section.ts";
import type { ReportData, ReportOptions } from "./report_data.ts";

/**
 * Builds the page.
 *
 * Sections without data are left out: no confusion matrix for regression, no curves without a log.
 *
 * @param data what there is to show.
 * @param options which clips are embedded, and who reads them.
 * @returns a whole HTML document.
 * @throws {RangeError} where a clip's outputs or target do not fit the labels.
 *
 * @example
 * ```ts
 * import { reportHtml } from "@earshot/earshot";
 * import { match } from "node:assert/strict";
 *
 * const clips = [{ file: "yes/1.wav", target: 1, logits: [-2, 2] }];
 * const page = await reportHtml({
 *   title: "yes or no",
 *   problemType: "single_label_classification",
 *   labels: ["no", "yes"],
 *   evaluation: { split: "test", clips },
 * });
 * match(page, /<h1>yes or no<\/h1>/);
 * ```
 */
export async function reportHtml(data: ReportData, options: ReportOptions = {}): Promise<string> {
  expectFitting(data);
  const { maxClips = 20, maxClipSec = 10, maxAudioBytes = 2_500_000, readClip } = options;
  const scored = scoreClips(data);
  const worst = worstClips(scored, maxClips);
  const embedded = await embedClips(worst.map(({ clip }) => clip), {
    readClip,
    maxClipSec,
    maxAudioBytes,
  });
  const timelines = await embeddedStretches(data, options);
  const sections = [
    ...data.detection
      ? [
        timelineSection(timelines, data.detection),
        detectionClassesSection(data.detection),
        wakeWordSection(data.detection),
      ]
      : [],
    learningSection(data),
    confusionSection(data, scored),
    valuesSection(data, scored),
    classesSection(data, scored),
    confidenceSection(data, scored),
    scoresSection(data, scored),
    clipsSection(data, worst, embedded),
    dataSection(data),
    settingsSection(data),
  ].filter((section) => section !== undefined);
  return await documentOf(
    data.title,
    html`${summary(data, scored)}${navigation(sections)}<main>${sections.map(sectionHtml)}</main>`,
  );
}

/** The recordings with most mistakes, and the sound of where these are. */
async function embeddedStretches(
  { detection }: ReportData,
  { maxTimelines = 6, maxStretchSec = 30, maxAudioBytes = 2_500_000, readStretch }: ReportOptions,
): Promise<ShownStretch[]> {
  if (!detection) return [];
  const worst = detection.recordings.toSorted((a, b) => mistakeCount(b) - mistakeCount(a));
  const stretches = worst.slice(0, maxTimelines)
    .map((recording) => worstStretch(recording, maxStretchSec));
  const embedded = await embedClips(stretches, {
    readClip: readStretch && (({ recording, startSec, endSec }) => {
      return readStretch(recording, startSec, endSec);
    }),
    maxClipSec: maxStretchSec,
    maxAudioBytes,
  });
  return stretches.map((stretch, i) => ({ stretch, embedded: embedded[i]! }));
}

async function documentOf(title: string, body: Markup): Promise<string> {
  const policy = [
    "default-src 'none'",
    `style-src '${await hashOf(STYLE)}'`,
    `script-src '${await hashOf(SCRIPT)}'`,
    "media-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title} · Earshot report</title>
        <style>${new Markup(STYLE)}</style>
      </head>
      <body>${body}<script>${new Markup(SCRIPT)}</script></body>
    </html>
  `;
  return page.text.trimStart();
}

function navigation(sections: readonly Section[]): Markup {
  return html`<nav aria-label="Sections">${
    sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)
  }</nav>`;
}

function sectionHtml({ id, title, content }: Section): Markup {
  return html`<section id="${id}"><h2>${title}</h2>${content}</section>`;
}

/** As a content-security policy states it. */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

function expectFitting({ evaluation, labels, problemType }: ReportData): void {
  const outputs = problemType === "regression" ? 1 : labels.length;
  for (const { file, logits, target } of evaluation?.clips ?? []) {
    const isFitting = problemType === "multi_label_classification"
      ? typeof target !== "number" && target.length === outputs
      : typeof target === "number" && (problemType === "regression" || target in labels);
    if (logits.length === outputs && isFitting) continue;
    throw new RangeError(
      `Cannot report on "${file}": expected ${outputs} outputs and a target that fits, ` +
        `found ${logits.length} outputs and target ${JSON.stringify(target)}`,
    );
  }
}
