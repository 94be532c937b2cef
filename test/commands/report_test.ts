/**
 * The page that `train` and `report` write.
 *
 * @module
 */
import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { cli, cliOk, withFolder, writeFile, writeTones } from "./_command_line.ts";

const TRAIN = ["train", "--backend", "wasm", "--threads", "1", "--num-train-epochs", "2"];
const DEVICE = ["--backend", "wasm", "--threads", "1"];

Deno.test("train leaves a report beside the model, which report makes again", async () => {
  await withFolder(async (folder) => {
    const cwd = folder;
    await writeTones(`${folder}/tones`);
    const trained = await cliOk([...TRAIN, "--data", "tones", "--output", "model"], { cwd });
    match(trained.stdout, /^Report: model\/report\.html$/m);
    const file = `${folder}/model/report.html`;
    const page = await Deno.readTextFile(file);
    match(page, /<h1>model<\/h1>/);
    match(page, /6 test clips/);
    for (const id of ["learning", "confusion", "classes", "clips", "data", "made"]) {
      ok(page.includes(`<section id="${id}">`), id);
    }
    match(page, /<dt>numTrainEpochs<\/dt>\s*<dd>2<\/dd>/);
    equal(page.match(/<audio /g)?.length, 6);
    await Deno.remove(file);
    const again = await cliOk(["report", "--model", "model", "--data", "tones", ...DEVICE], {
      cwd,
    });
    match(again.stderr, /^Report: model\/report\.html$/m);
    match(await Deno.readTextFile(file), /<section id="learning">/);
  });
});

Deno.test("report gives each clip its own scores where bad files are skipped", async () => {
  await withFolder(async (folder) => {
    const cwd = folder;
    await writeTones(`${folder}/tones`);
    await cliOk([...TRAIN, "--data", "tones", "--output", "model"], { cwd });
    await writeFile(`${folder}/tones/test/low/0-broken.wav`, new TextEncoder().encode("RIFF?"));
    const options = ["--data", "tones", "--skip-bad-files", "--report", "page.html", ...DEVICE];
    await cliOk(["report", "--model", "model", ...options], { cwd });
    const page = await Deno.readTextFile(`${folder}/page.html`);
    equal(page.match(/<li class="clip"/g)?.length, 6);
    ok(!page.includes("0-broken.wav"));
    const cells = /<script type="application\/json" id="cell-data">(.*?)<\/script>/.exec(page)![1]!;
    const { labels, clips } = JSON.parse(cells) as { labels: string[]; clips: [string, number][] };
    for (const [name, label] of clips) equal(name.split("/")[0], labels[label]);
  });
});

Deno.test("report --report that cannot be written ends with 1 and names the file", async () => {
  await withFolder(async (folder) => {
    const cwd = folder;
    await writeTones(`${folder}/tones`);
    await cliOk([...TRAIN, "--data", "tones", "--output", "model"], { cwd });
    const options = ["--data", "tones", "--report", "no/such/folder/page.html", ...DEVICE];
    const { code, stderr } = await cli(["report", "--model", "model", ...options], { cwd });
    equal(code, 1);
    match(stderr, /no\/such\/folder\/page\.html/);
    doesNotMatch(stderr, /^Device:/m, "found out before anything is computed");
  });
});
