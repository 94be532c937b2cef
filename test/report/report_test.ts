/**
 * The page as a whole: sound HTML, safe, alone, and with the sections that its data call for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ReportData, reportHtml } from "../../src/report/mod.ts";
import { attributeNames, contentOf, tagFaults } from "./_page.ts";
import { sampleAudio, sampleReport } from "./sample.ts";

const SMALL = sampleReport({ classes: 4, clips: 60 });

const SECTIONS = [
  "learning",
  "confusion",
  "values",
  "classes",
  "confidence",
  "scores",
  "clips",
  "data",
  "made",
];

function sectionsOf(page: string): string[] {
  return SECTIONS.filter((id) => page.includes(`<section id="${id}">`));
}

Deno.test("tagFaults() finds what is not closed, so that the tests here can fail", () => {
  assert.deepEqual(tagFaults('<p class="a>b">x<b>y</b></p>'), []);
  assert.deepEqual(tagFaults("<p><b>x</p>"), ["</p> closes <b>", "<p> is never closed"]);
  assert.deepEqual(tagFaults("a < b"), ["1 angle brackets outside of tags"]);
});

for (
  const options of [
    { classes: 2, clips: 40 },
    { classes: 14, clips: 140 },
    { classes: 100, clips: 300 },
    { classes: 5, clips: 60, problemType: "multi_label_classification" },
    { classes: 1, clips: 60, problemType: "regression" },
  ] as const
) {
  const name = "problemType" in options ? options.problemType : `${options.classes} classes`;
  Deno.test(`reportHtml() closes every tag for ${name}`, async () => {
    const page = await reportHtml(sampleReport(options), { readClip: sampleAudio, maxClips: 3 });
    assert.deepEqual(tagFaults(page), []);
    assert.doesNotMatch(
      page.replace(/<script[\s\S]*?<\/script>|base64,[^"]*/g, ""),
      /NaN|undefined|\[object/,
    );
  });
}

Deno.test("reportHtml() has every section that one label a clip calls for", async () => {
  const page = await reportHtml(SMALL, { readClip: sampleAudio });
  assert.deepEqual(sectionsOf(page), SECTIONS.filter((id) => id !== "values"));
  for (const text of ["Loss", "Learning rate", "570\u202f638", "numTrainEpochs", "relaxed SIMD"]) {
    assert.ok(page.includes(text), text);
  }
  assert.equal(page.match(/<li class="clip"/g)?.length, 20);
});

Deno.test("reportHtml() leaves out what does not apply", async () => {
  const several = sampleReport({
    classes: 4,
    clips: 60,
    problemType: "multi_label_classification",
  });
  assert.deepEqual(sectionsOf(await reportHtml(several)), [
    "learning",
    "classes",
    "clips",
    "data",
    "made",
  ]);
  const value = sampleReport({ classes: 1, clips: 60, problemType: "regression" });
  assert.deepEqual(sectionsOf(await reportHtml(value)), [
    "learning",
    "values",
    "clips",
    "data",
    "made",
  ]);
  const { title, problemType, labels } = SMALL;
  assert.deepEqual(sectionsOf(await reportHtml({ title, problemType, labels })), []);
});

Deno.test("reportHtml() counts each pair, in its cell and in the list of the most confused", async () => {
  const clips = [[0, 0], [0, 1], [0, 1], [0, 1], [1, 1]].map(([target, predicted], i) => ({
    file: `clips/${i}.wav`,
    target: target!,
    logits: predicted === 0 ? [4, 0] : [0, 4],
  }));
  const labels = ["no", "yes"];
  const problemType = "single_label_classification";
  const page = await reportHtml({
    title: "t",
    problemType,
    labels,
    evaluation: { split: "test", clips },
  });
  assert.ok(page.includes('aria-label="no taken for yes: 3 clips, 75.0\u202f% of the row"'));
  assert.equal(page.match(/data-cell="0,1"/g)?.length, 2);
  assert.equal(page.match(/data-cell="1,0"/g), null);
  const cells = contentOf(page, /id="cell-data">/, "</script>");
  const { clips: listed, counts } = JSON.parse(cells);
  assert.deepEqual(listed[0], ["1.wav", 0, 1, 0.982]);
  assert.deepEqual(counts, { "0,0": 1, "0,1": 3, "1,1": 1 });
});

Deno.test("reportHtml() names the best evaluation, and draws no chart of one point", async () => {
  const { title, problemType, labels } = SMALL;
  const entry = { step: 10, epoch: 1, eval_loss: 0.5, eval_accuracy: 0.75, eval_runtime: 0.2 };
  const scored = { ...entry, eval_weighted_precision: 0.5 };
  const later = { step: 20, epoch: 2, eval_loss: 0.25, eval_accuracy: 0.5, eval_runtime: 0.2 };
  const two = await reportHtml({ title, problemType, labels, history: [entry, later] });
  assert.ok(two.includes("Lowest in validation: 0.250, after epoch 2"));
  assert.ok(two.includes("Best accuracy: 75.0\u202f%, after epoch 1"));
  assert.ok(!two.includes("runtime"));
  const second = { ...later, eval_weighted_precision: 0.5 };
  const several = await reportHtml({ title, problemType, labels, history: [scored, second] });
  assert.match(several, /<text class="end s0"[^>]*>accuracy<\/text>/);
  assert.match(several, /<text class="end s1"[^>]*>weighted p…<\/text>/);
  const one = await reportHtml({ title, problemType, labels, history: [entry] });
  assert.ok(!one.includes('class="chart"'));
  assert.match(one, /<td>0\.5000<\/td><td>0\.7500<\/td>/);
});

Deno.test("reportHtml() escapes names, paths and settings", async () => {
  const evil = `<script>alert("x")</script>'&<!--`;
  const data: ReportData = {
    ...SMALL,
    title: evil,
    labels: [evil, `"><img src=x onerror=y>`, "</script>", "\u202eright to left"],
    evaluation: {
      split: evil,
      clips: [
        { file: `${evil}/</title>.wav`, target: 0, logits: [0, 1, 2, 3] },
        { file: `a" onload="x`, target: 2, logits: [0, 1, 2, 3] },
      ],
    },
    splits: [{ split: evil, clipsPerLabel: [1, 2, 3, 4] }],
    settings: { [evil]: evil, nested: { text: evil } },
    versions: { [evil]: evil },
    model: { [evil]: evil },
    created: evil,
  };
  const readClip = () => Promise.reject(new RangeError(evil));
  const page = await reportHtml(data, { readClip });
  assert.deepEqual(tagFaults(page), []);
  assert.equal(page.match(/<script/g)?.length, 2);
  assert.doesNotMatch(page, /<img|<!--|\u202e/);
  assert.ok(page.includes("&lt;script&gt;alert"));
  const names = [...attributeNames(page)];
  assert.deepEqual(names.filter((name) => name.startsWith("on") || name === "style"), []);
});

Deno.test("reportHtml() asks no server for anything", async () => {
  const page = await reportHtml(SMALL, { readClip: sampleAudio });
  const addresses = new Set(page.match(/\b(?:https?|wss?|ftp):\/\/[^\s"'<]*/g));
  assert.deepEqual([...addresses], ["http://www.w3.org/2000/svg"]);
  const links = Array.from(page.matchAll(/\s(?:src|href)="([^"]{1,5})/g), ([, link]) => link!);
  assert.deepEqual(links.filter((link) => !link.startsWith("#") && link !== "data:"), []);
  assert.doesNotMatch(page, /@import|url\(/);
});

Deno.test("reportHtml() allows its own style and script by their hashes, and no other", async () => {
  const page = await reportHtml(SMALL);
  const policy = contentOf(page, /Content-Security-Policy"\s+content="/, '"').replaceAll(
    "&#39;",
    "'",
  );
  const style = contentOf(page, /<style>/, "</style>");
  const script = contentOf(page, /<script>/, "</script>");
  assert.ok(policy.includes(`style-src '${await sha256(style)}'`));
  assert.ok(policy.includes(`script-src '${await sha256(script)}'`));
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe/);
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

Deno.test("reportHtml() holds a script that parses", async () => {
  const script = contentOf(await reportHtml(SMALL), /<script>/, "</script>");
  assert.doesNotThrow(() => new Function(script));
});

Deno.test("reportHtml() gives equal pages for equal input", async () => {
  const make = () => reportHtml(sampleReport({ classes: 4, clips: 60 }), { readClip: sampleAudio });
  assert.equal(await make(), await make());
});

Deno.test("reportHtml() draws a heat map without numbers for 100 classes, within 5 MB", async () => {
  const data = sampleReport({ classes: 100, clips: 1000 });
  const page = await reportHtml(data, { readClip: sampleAudio });
  assert.ok(page.includes('<svg class="heatmap"'));
  assert.ok(!page.includes('<table class="matrix'));
  assert.ok(page.includes("Confused most"));
  assert.ok(new TextEncoder().encode(page).length < 5_000_000);
});

Deno.test("reportHtml() survives a model that says NaN", async () => {
  const clips = Array.from({ length: 30 }, (_, i) => ({
    file: `${i}.wav`,
    target: i % 2,
    logits: [NaN, NaN],
  }));
  const data: ReportData = {
    title: "astray",
    problemType: "single_label_classification",
    labels: ["no", "yes"],
    history: [{ step: 1, epoch: 1, loss: NaN }, { step: 2, epoch: 2, loss: 3 }],
    evaluation: { split: "test", clips },
  };
  assert.deepEqual(tagFaults(await reportHtml(data)), []);
});

Deno.test("reportHtml() rejects a clip that does not fit the labels", async () => {
  const clip = { file: "a.wav", target: 0, logits: [1, 2, 3] };
  const data = { ...SMALL, evaluation: { split: "test", clips: [clip] } };
  await assert.rejects(reportHtml(data), {
    name: "RangeError",
    message: 'Cannot report on "a.wav": expected 4 outputs and a target that fits, ' +
      "found 3 outputs and target 0",
  });
  for (const target of [4, -1, 0.5, [1, 0, 0, 0]]) {
    const wrong = { file: "a.wav", target, logits: [1, 2, 3, 4] };
    const bad = { ...SMALL, evaluation: { split: "test", clips: [wrong] } };
    await assert.rejects(reportHtml(bad), RangeError, String(target));
  }
});

Deno.test("reportHtml() shows forty long labels whole, each in a row that can be reached", async () => {
  const sample = sampleReport({ classes: 40, clips: 400 });
  const labels = sample.labels.map((_, i) => `customer_asks_about/mortgage-conditions_${i}`);
  const page = await reportHtml({ ...sample, labels });
  assert.deepEqual(tagFaults(page), []);
  const [matrix = ""] = page.match(/<table class="matrix dense">[\s\S]*?<\/table>/) ?? [];
  const shown = (scope: string) =>
    Array.from(
      matrix.matchAll(new RegExp(`<th scope="${scope}">(.*?)</th>`, "g")),
      ([, name]) => name!,
    );
  const whole = labels.map((label) => label.replace(/[_/-]/g, "$&<wbr>"));
  assert.deepEqual(shown("row"), whole);
  assert.deepEqual(shown("col"), whole.map((name) => `<span>${name}</span>`));
  assert.ok(!page.includes("…</text>") && !page.includes("text-overflow"), "labels are cut");
  // A list that scrolls in itself keeps its lower rows from a thumb that scrolls the page.
  assert.match(page, /@media screen and \(max-width:44rem\)\{\s*\.tall,\.found\{max-height:none\}/);
});
