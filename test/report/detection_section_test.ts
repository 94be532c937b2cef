/**
 * The page of a detection: sound, safe, and with what its data call for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { eventF1, segmentF1, wakeWordCurve } from "../../src/detect/mod.ts";
import { clock } from "../../src/report/_detection_section.ts";
import { type ReportData, type ReportDetection, reportHtml } from "../../src/report/mod.ts";
import { attributeNames, tagFaults } from "./_page.ts";

const EVIL = `<script>alert("x")</script>`;

const RECORDINGS = [
  {
    file: "quiet.wav",
    durationSec: 20,
    truth: [{ start: 2, end: 3, label: "dog" }],
    detected: [{ start: 2.1, end: 3, label: "dog" }],
  },
  {
    file: `${EVIL}.wav`,
    durationSec: 600,
    truth: [{ start: 100, end: 101, label: EVIL }, { start: 200, end: 201, label: "dog" }],
    detected: [{ start: 100, end: 101, label: "dog" }],
  },
];

function pageData(detection: Partial<ReportDetection> = {}): ReportData {
  return {
    title: "yard",
    problemType: "single_label_classification",
    labels: ["dog", "cat"],
    detection: {
      recordings: RECORDINGS,
      segment: segmentF1(RECORDINGS),
      event: eventF1(RECORDINGS),
      psds: 0.5,
      ...detection,
    },
  };
}

const readStretch = (_: unknown, startSec: number, endSec: number) => {
  return { samples: new Float32Array((endSec - startSec) * 8_000).fill(0.1), sampleRateHz: 8_000 };
};

Deno.test("reportHtml() shows timelines, that with most mistakes first", async () => {
  const page = await reportHtml(pageData(), { readStretch });
  assert.deepEqual(tagFaults(page), []);
  assert.equal(page.match(/<figure class="timeline">/g)?.length, 2);
  assert.ok(page.indexOf("&lt;script") < page.indexOf("quiet.wav"));
  // One is shown as a whole, of the other the 30 s in which most went wrong.
  assert.equal(page.match(/The whole recording; shown large is/g)?.length, 1);
  assert.match(page, /shown large is 1:39 to 2:09/);
  assert.match(page, /0 of 2 events met, 1 detected without being there, in 10 min 0 s/);
  assert.match(page, /wrongly detected dog at 1:40"/);
  assert.equal(page.match(/<audio /g)?.length, 2);
  assert.match(page, /1 of 3 events detected where they begin and end, 1 besides/);
});

Deno.test("reportHtml() places events by their share of the stretch", async () => {
  const page = await reportHtml(pageData({ recordings: RECORDINGS.slice(0, 1) }));
  assert.match(page, /<rect class="right" x="10.00%" width="5.00%" y="3"/);
  assert.match(page, /<rect class="right" x="10.50%" width="4.50%" y="12"/);
  // Without sound there is a timeline, but nothing to play.
  assert.ok(!page.includes("<audio"));
});

Deno.test("reportHtml() escapes labels and files of a detection", async () => {
  const page = await reportHtml(pageData(), { readStretch });
  assert.equal(page.match(/<script/g)?.length, 1);
  const names = [...attributeNames(page)];
  assert.deepEqual(names.filter((name) => name.startsWith("on") || name === "style"), []);
});

Deno.test("reportHtml() draws the curve of a wake word", async () => {
  assert.ok(!(await reportHtml(pageData())).includes('<section id="wake-word">'));
  const windows = [0.2, 0.6, 0.9].map((score, at) => ({ start: at, end: at + 1, score }));
  const words = [{ start: 2.2, end: 2.6 }];
  const curve = wakeWordCurve([{ windows, words, durationSeconds: 3600 }], {
    thresholds: [0.1, 0.7, 0.95],
  });
  const page = await reportHtml(pageData({ wakeWord: { label: "dog", words: 1, curve } }));
  assert.deepEqual(tagFaults(page), []);
  assert.match(page, /<section id="wake-word"><h2>“dog” as a wake word<\/h2>/);
});

Deno.test("reportHtml() says why a stretch cannot be played", async () => {
  const page = await reportHtml(pageData(), {
    readStretch: () => Promise.reject(new RangeError("gone")),
  });
  assert.equal(page.match(/It cannot be played here: gone/g)?.length, 2);
});

Deno.test("clock() shows times as players do", () => {
  assert.deepEqual([0, 59.6, 61, 3_723].map(clock), ["0:00", "1:00", "1:01", "1:02:03"]);
});
