import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { type AskedStart, chosenStart } from "../../src/commands/_chosen_start.ts";
import { toneFile, withFolder, writeFile } from "./_command_line.ts";

/** A folder with so many training clips of each class. */
async function withClips(
  counts: Readonly<Record<string, number>>,
  body: (data: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    for (const [label, count] of Object.entries(counts)) {
      for (let i = 0; i < count; i++) {
        await writeFile(join(folder, "train", label, `${i}.wav`), toneFile("high"));
      }
      await writeFile(join(folder, "validation", label, "0.wav"), toneFile("high"));
      await writeFile(join(folder, "test", label, "0.wav"), toneFile("high"));
    }
    await body(folder);
  });
}

function asked(data: string, more: Partial<AskedStart> = {}): AskedStart {
  const plain = { resume: false, isDetector: false, given: [], seed: 42, shots: [] };
  return { ...plain, data, splits: { stratify: true }, ...more };
}

Deno.test("chosenStart() keeps tiny where the median class has 40 training clips", async () => {
  await withClips({ no: 2, yes: 40, maybe: 41 }, async (data) => {
    const { model, head, reason } = await chosenStart(asked(data));
    deepEqual([model, head], ["tiny", undefined]);
    match(reason!, /^Chosen: tiny, as the median class has 40 training clips/);
  });
});

Deno.test("chosenStart() takes the backbone with a linear head where it has fewer", async () => {
  await withClips({ no: 39, yes: 39, maybe: 60 }, async (data) => {
    const { model, head, reason } = await chosenStart(asked(data));
    deepEqual([model, head], ["backbone", "linear"]);
    match(reason!, /^Chosen: backbone with a linear head, as the median class has 39 training/);
  });
});

Deno.test("chosenStart() counts the few clips that are drawn", async () => {
  await withClips({ no: 45, yes: 45 }, async (data) => {
    equal((await chosenStart(asked(data, { shots: [5, 8] }))).model, "backbone");
    equal((await chosenStart(asked(data, { shots: [50] }))).model, "tiny");
  });
});

Deno.test("chosenStart() keeps to what was asked for", async () => {
  await withClips({ no: 1, yes: 1 }, async (data) => {
    const choose = (more: Partial<AskedStart>) => chosenStart(asked(data, more));
    deepEqual(await choose({ model: "small" }), { model: "small", head: undefined });
    deepEqual(await choose({ model: "mine", head: "linear" }), { model: "mine", head: "linear" });
    deepEqual(await choose({ given: ["numTrainEpochs"] }), { model: "tiny" });
    deepEqual(await choose({ resume: true }), { model: "tiny" });
    deepEqual(await choose({ isDetector: true }), { model: "tiny" });
    equal((await choose({ given: ["outputDir", "seed"] })).model, "backbone");
    const { model, head } = await choose({ head: "centroid" });
    deepEqual([model, head], ["backbone", "centroid"]);
  });
});

Deno.test("chosenStart() leaves it to the loading to say what is wrong with data", async () => {
  deepEqual(await chosenStart(asked("no/such/folder")), { model: "tiny" });
});
