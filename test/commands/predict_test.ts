import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { decodeAudio } from "../../src/audio/mod.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { encodeSafetensors } from "../../src/weights/safetensors_writer.ts";
import { readTensors } from "../kit.ts";
import { useReference } from "../reference/backend.ts";
import { saveTinyModel, TINY_LABELS } from "../tiny_model.ts";
import { cli, cliOk, jsonLines, toneFile, withFolder, writeFile } from "./_command_line.ts";

interface PredictLine {
  file: string;
  predictions: { label: string; score: number }[];
}

/** The tiny model in `folder/model` and a clip in `folder/clip.wav`. */
async function prepare(folder: string): Promise<void> {
  await useReference();
  await saveTinyModel(`${folder}/model`);
  await writeFile(`${folder}/clip.wav`, toneFile("mid"));
}

const PREDICT = ["predict", "--model", "model"];

Deno.test("predict gives the pipeline's scores, a line of JSON a file", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const result = await cliOk([...PREDICT, "clip.wav", "./clip.wav", "--json"], { cwd: folder });
    const lines = jsonLines<PredictLine>(result);
    deepEqual(lines.map(({ file }) => file), ["clip.wav", "./clip.wav"]);
    const classifier = await pipeline("audio-classification", `${folder}/model`);
    const expected = await classifier(`${folder}/clip.wav`);
    classifier.dispose();
    const labels = lines[0]!.predictions.map(({ label }) => label);
    deepEqual(labels, expected.map(({ label }) => label));
    for (const [i, { score }] of lines[0]!.predictions.entries()) {
      equal(Math.abs(score - expected[i]!.score) < 1e-5, true);
    }
    deepEqual([...labels].sort(), [...TINY_LABELS].sort());
  });
});

Deno.test("predict --eval-views takes the mean of a clip's outputs at several places", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const { samples } = await decodeAudio(toneFile("mid"));
    const samplingRate = 8_000;
    const classifier = await pipeline("audio-classification", `${folder}/model`);
    const mean = new Map<string, number>();
    for (const later of [-400, 0, 400]) {
      const moved = Float32Array.from(samples, (_, i) => samples[i - later] ?? 0);
      const found = await classifier({ samples: moved, samplingRate }, { functionToApply: "none" });
      for (const { label, score } of found) mean.set(label, (mean.get(label) ?? 0) + score / 3);
    }
    classifier.dispose();
    const powers = [...mean].map(([label, logit]) => ({ label, score: Math.exp(logit) }));
    const sum = powers.reduce((sum, { score }) => sum + score, 0);
    const expected = powers.map(({ label, score }) => ({ label, score: score / sum }))
      .sort((a, b) => b.score - a.score);
    const views = [...PREDICT, "--json", "--eval-views", "3", "--eval-view-shift-seconds", "0.05"];
    const run = { cwd: folder };
    const [file] = jsonLines<PredictLine>(await cliOk([...views, "clip.wav"], run));
    const stdin = await Deno.readFile(`${folder}/clip.wav`);
    const [piped] = jsonLines<PredictLine>(await cliOk([...views, "-"], { ...run, stdin }));
    for (const { predictions } of [file!, piped!]) {
      deepEqual(predictions.map(({ label }) => label), expected.map(({ label }) => label));
      for (const [i, { score }] of predictions.entries()) {
        equal(Math.abs(score - expected[i]!.score) < 1e-5, true);
      }
    }
    await writeFile(`${folder}/text.wav`, new TextEncoder().encode("no audio"));
    const broken = await cli([...views, "text.wav", "clip.wav"], run);
    equal(broken.code, 1);
    equal(jsonLines<PredictLine>(broken).length, 1);
  });
});

Deno.test("predict takes folders, however deep, and standard input", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await writeFile(`${folder}/clips/b.wav`, toneFile("low"));
    await writeFile(`${folder}/clips/deep/a.WAV`, toneFile("high"));
    await writeFile(`${folder}/clips/notes.txt`, new Uint8Array(1));
    const result = await cliOk([...PREDICT, "clips/", "-", "--json", "--top-k", "1"], {
      cwd: folder,
      stdin: toneFile("mid"),
    });
    const lines = jsonLines<PredictLine>(result);
    deepEqual(lines.map(({ file }) => file), ["clips/b.wav", "clips/deep/a.WAV", "-"]);
    deepEqual(lines.map(({ predictions }) => predictions.length), [1, 1, 1]);
  });
});

Deno.test("predict prints a short table without --json", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const { stdout } = await cliOk([...PREDICT, "clip.wav", "--top-k=2"], { cwd: folder });
    match(stdout, /^clip\.wav\n( {2}[01]\.\d{4} {2}[a-z]+\n){2}$/);
  });
});

Deno.test("predict names a file that holds no audio, and goes on with the next", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await writeFile(`${folder}/text.wav`, new TextEncoder().encode("no audio at all"));
    const { code, stdout, stderr } = await cli([...PREDICT, "text.wav", "clip.wav", "--json"], {
      cwd: folder,
    });
    equal(code, 1);
    match(stderr, /^Cannot decode audio "text\.wav": .+$/m);
    match(stdout, /^\{"file":"clip\.wav".*\}\n$/);
    doesNotMatch(stderr, /^clip\.wav$/m);
  });
});

Deno.test("predict warns of a file whose end is missing", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.truncate(`${folder}/clip.wav`, 4_000);
    const { stdout, stderr } = await cliOk([...PREDICT, "clip.wav"], { cwd: folder });
    match(
      stderr,
      /^Warning: Odd audio "clip\.wav": Truncated: \d+ bytes of samples declared, \d+ found; .+$/m,
    );
    match(stdout, /^clip\.wav$/m);
  });
});

Deno.test("predict ends with 2 when a file is missing, or none is named", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.mkdir(`${folder}/empty`);
    for (
      const [files, message] of [
        [
          ["clip.wav", "none.wav"],
          /^Cannot read "none\.wav": expected a file or folder, found none/,
        ],
        [["empty"], /^Cannot read "empty": expected audio files in the folder, found none$/m],
        [[], /^Cannot predict: expected files, folders or -, found none$/m],
        [["clip.wav", "--top-k", "0"], /"--top-k": expected a whole number from 1, found 0$/m],
      ] as const
    ) {
      const { code, stdout, stderr } = await cli([...PREDICT, ...files], { cwd: folder });
      match(stderr, message);
      equal(code, 2);
      equal(stdout, "");
    }
  });
});

Deno.test("predict names a model that cannot classify", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    await Deno.truncate(`${folder}/model/model.safetensors`, 1000);
    const broken = await cli([...PREDICT, "clip.wav"], { cwd: folder });
    equal(broken.code, 1);
    match(broken.stderr, /^Cannot .*"model\/model\.safetensors": .+$/m);
    const missing = await cli(["predict", "--model", "none", "clip.wav"], { cwd: folder });
    equal(missing.code, 1);
    match(missing.stderr, /^Cannot load model "none": expected a model directory, found nothing$/m);
  });
});

Deno.test("predict warns of tensors that the model does not use", async () => {
  await withFolder(async (folder) => {
    await prepare(folder);
    const file = `${folder}/model/model.safetensors`;
    const tensors = Array.from(await readTensors(file), ([name, { shape, values }]) => {
      return { name, dtype: "F32", shape, values: Float32Array.from(values) } as const;
    });
    const extra = {
      name: "odd.one",
      dtype: "F32",
      shape: [1],
      values: new Float32Array(1),
    } as const;
    await Deno.writeFile(file, encodeSafetensors([...tensors, extra]));
    const { stderr } = await cliOk([...PREDICT, "clip.wav"], { cwd: folder });
    const [device, warning, ...others] = stderr.trimEnd().split("\n");
    match(device!, /^Device: WASM, .+ \(.+\)$/);
    equal(warning, 'Warning: "model" holds tensors that the model does not use: odd.one');
    deepEqual(others, []);
  });
});
