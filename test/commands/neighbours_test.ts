/** A head by nearest neighbours answers alike wherever it is asked. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { type Classification, pipeline } from "../../src/classify/pipeline.ts";
import { bundle } from "../../src/commands/bundle.ts";
import { BUNDLE_COMMANDS, serveCommand, whileRunning } from "../edge/_processes.ts";
import { startTestWasm } from "../devices.ts";
import { Neighbours } from "../../src/models/neighbours.ts";
import { loadPretrained, savePretrained } from "../../src/pretrained.ts";
import { saveTinyModel, TINY_LABELS, tinyExtractor, tone } from "../tiny_model.ts";
import { cli, cliOk, jsonLines, toneFile, withFolder, writeFile } from "./_command_line.ts";

const CLIP = "clip.wav";

/** The tiny model with examples, which say otherwise than its last layer does. */
async function saveNeighbours(folder: string): Promise<void> {
  await saveTinyModel(`${folder}/start`);
  const model = await loadPretrained(`${folder}/start`);
  const vectors: number[] = [];
  for (const pitch of [1, 2, 3, 4, 5, 6]) {
    const batch = tinyExtractor().extract([tone(2_400, pitch)]);
    const inputs = tensor(batch.inputValues, [...batch.shape], "float32");
    const { logits, pooled } = model.forward({ inputs });
    vectors.push(...await pooled.data());
    for (const used of [inputs, logits, pooled]) used.dispose();
  }
  model.neighbours = new Neighbours({
    vectors: Float32Array.from(vectors),
    labels: Int32Array.of(0, 1, 0, 1, 0, 1),
    classes: TINY_LABELS.length,
    count: 3,
  });
  await savePretrained(`${folder}/knn`, model, tinyExtractor());
  model.dispose();
}

function near(found: readonly Classification[], expected: readonly Classification[]): void {
  deepEqual(found.map(({ label }) => label), expected.map(({ label }) => label));
  found.forEach(({ score }, i) => ok(Math.abs(score - expected[i]!.score) <= 1e-6));
}

Deno.test("a head by nearest neighbours answers alike in predict, detect, embed, serve and a bundle", async () => {
  await withFolder(async (folder) => {
    const device = await startTestWasm({ threads: 1 });
    await saveNeighbours(folder);
    const bytes = toneFile("mid").slice();
    await writeFile(`${folder}/${CLIP}`, bytes);
    const classifier = await pipeline("audio-classification", `${folder}/knn`);
    const lastLayer = await pipeline("audio-classification", `${folder}/start`);
    const expected = await classifier(bytes, { topK: null });
    const others = await lastLayer(bytes, { topK: null });
    equal(others.length, expected.length);
    ok(expected.some(({ label, score }) => {
      return Math.abs(score - others.find((other) => other.label === label)!.score) > 0.05;
    }));
    // Of the two classes that have examples.
    deepEqual(expected.slice(0, 2).map(({ label }) => label).sort(), ["one", "zero"]);

    const run = { cwd: folder };
    const [printed] = jsonLines<{ predictions: Classification[] }>(
      await cliOk(["predict", "--json", "--top-k", "5", "--model", "knn", CLIP], run),
    );
    near(printed!.predictions, expected);
    const embedded = ["embed", "--model", "knn", "--output", "x.jsonl", CLIP];
    await cliOk(embedded, run);
    const [row] = (await Deno.readTextFile(`${folder}/x.jsonl`)).trim().split("\n");
    const { label, score } = JSON.parse(row!);
    near([{ label, score }], expected.slice(0, 1));
    const { classes } = await classifier.embed(bytes);
    near(classes, expected);

    const windows = ["--window-seconds", "0.3", "--hop-seconds", "0.3", "--threshold", "0"];
    const detect = ["detect", "--json", "--model", "knn", ...windows, CLIP];
    const events = jsonLines<{ label: string; state?: string }>(await cliOk(detect, run));
    deepEqual(
      [...new Set(events.flatMap(({ label }) => label ?? []))].sort(),
      [...TINY_LABELS].sort(),
    );

    await bundle({ model: `${folder}/knn`, output: `${folder}/bundle` });
    const bundled = { cwd: `${folder}/bundle`, args: BUNDLE_COMMANDS[0]! };
    for (const service of [serveCommand(`${folder}/knn`, ["--port", "0"]), bundled]) {
      await whileRunning(service, async (url) => {
        const response = await fetch(`${url}?top_k=5`, { method: "POST", body: bytes });
        near(await response.json(), expected);
      });
    }
    for (const used of [classifier, lastLayer]) used.dispose();
    device.dispose();

    const exported = await cli(["export", "--model", "knn", "--output", "q8"], run);
    match(exported.stderr, /expected a last layer, found a head by nearest neighbours/);
  });
});
