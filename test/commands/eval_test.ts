import { deepEqual, equal, match, ok } from "node:assert/strict";
import { assertNear } from "../compare.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { useDevice } from "../../src/devices.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";
import {
  cli,
  cliOk,
  jsonLines,
  TONE_LABELS,
  toneFile,
  withFolder,
  writeFile,
  writeTones,
} from "./_command_line.ts";

interface EvalLine {
  accuracy: number;
  loss: number;
  samples: number;
  f1_macro: number;
  accuracyInterval: { low: number; high: number };
  confusionMatrix: number[][];
  perClass: Record<string, { samples: number; recall: number }>;
}

const TRAIN = ["train", "--backend", "wasm", "--threads", "1", "--num-train-epochs", "2"];
const EVAL = ["eval", "--model", "model", "--backend", "wasm", "--threads", "1"];

Deno.test("eval prints what train found on the test split", async () => {
  await withFolder(async (folder) => {
    const cwd = folder;
    await writeTones(`${folder}/tones`);
    await cliOk([...TRAIN, "--data", "tones", "--output", "model"], { cwd });
    const found = JSON.parse(await Deno.readTextFile(`${folder}/model/all_results.json`));
    const [line] = jsonLines<EvalLine>(
      await cliOk([...EVAL, "--data", "tones", "--json"], { cwd }),
    );
    equal(line!.accuracy, found.test_accuracy);
    assertNear(line!.loss, found.test_loss); // a model for inference rounds its first norm otherwise
    equal(line!.samples, 6);
    deepEqual(Object.keys(line!.perClass), TONE_LABELS);
    equal(line!.f1_macro, found.test_f1_macro);
    const { low, high } = line!.accuracyInterval;
    ok(0 <= low && low <= line!.accuracy && line!.accuracy <= high && high <= 1);
    const diagonal = line!.confusionMatrix.reduce((sum, row, i) => sum + row[i]!, 0);
    equal(diagonal, Math.round(6 * line!.accuracy));
    const few = await cliOk([...EVAL, "--data", "tones", "--max-eval-samples", "2", "--json"], {
      cwd,
    });
    equal(jsonLines<EvalLine>(few)[0]!.samples, 2);
    const text = await cliOk([...EVAL, "--data", "tones", "--split", "all"], { cwd });
    match(text.stdout, /^Class +Clips +Precision +Recall +F1$/m);
    match(text.stdout, /^Taken for +1 +2 +3$/m);
    match(
      text.stdout,
      /^Accuracy \d+\.\d\d % \(95 % interval \d+\.\d\d to \d+\.\d\d %\), macro F1 \d\.\d{3}.*, loss \d+\.\d{4} \(\d+\.\d{4} to \d+\.\d{4}\), 30 clips$/m,
    );
  });
});

Deno.test("eval finds the clips again that train held back of a folder without splits", async () => {
  await withFolder(async (folder) => {
    const cwd = folder;
    await writeTones(folder, { tones: 8 });
    const trained = await cliOk([...TRAIN, "--data", "tones", "--output", "model", "--json"], {
      cwd,
    });
    const [{ clips }] = jsonLines<{ clips: Record<string, number> }>(trained) as [
      { clips: Record<string, number> },
    ];
    deepEqual(clips, { train: 16, validation: 3, test: 5 });
    const found = JSON.parse(await Deno.readTextFile(`${folder}/model/all_results.json`));
    const tested = await cliOk([...EVAL, "--data", "tones", "--json"], { cwd });
    const [line] = jsonLines<EvalLine>(tested);
    equal(line!.samples, 5);
    assertNear(line!.loss, found.test_loss);
    match(tested.stderr, /^"tones" has no splits: "test" is what train draws with seed 42$/m);
    const validation = await cliOk(
      [...EVAL, "--data", "tones", "--split", "validation", "--json"],
      { cwd },
    );
    equal(jsonLines<EvalLine>(validation)[0]!.samples, 3);
  });
});

Deno.test("eval measures a folder with one of the model's labels, and refuses a strange one", async () => {
  await withFolder(async (folder) => {
    const cwd = folder;
    await writeTones(`${folder}/tones`);
    await cliOk([...TRAIN, "--data", "tones", "--output", "model"], { cwd });
    await writeFile(`${folder}/mids/test/mid/1.wav`, toneFile("mid"));
    const [line] = jsonLines<EvalLine>(await cliOk([...EVAL, "--data", "mids", "--json"], { cwd }));
    equal(line!.samples, 1);
    ok([0, 1].includes(line!.accuracy));
    await writeFile(`${folder}/mids/test/shrill/1.wav`, toneFile("high"));
    const strange = await cli([...EVAL, "--data", "mids"], { cwd });
    equal(strange.code, 1);
    match(
      strange.stderr,
      /found "shrill" \(1 clip: "mids\/test\/shrill\/1\.wav"\)\n- The model knows/,
    );
    const none = await cli([...EVAL, "--data", "tones", "--split", "dev"], { cwd });
    equal(none.code, 1);
    match(none.stderr, /expected split "dev", found train, validation, test\n/);
  });
});

Deno.test("eval without --data ends with 2", async () => {
  const { code, stderr } = await cli(["eval"]);
  equal(code, 2);
  match(
    stderr,
    /^Cannot run command "eval": expected argument "--data DIR\|FILE\|ID", found none$/m,
  );
});

Deno.test("eval, report and predict take a long clip whole", async () => {
  await withFolder(async (cwd) => {
    const device = await useDevice({ backend: "wasm", threads: 1 });
    await saveTinyModel(`${cwd}/model`);
    device.dispose();
    // Silent for longer than what training takes of a clip.
    const samples = tone(21 * 8_000).fill(0, 0, 20.5 * 8_000);
    await writeFile(`${cwd}/clips/test/one/1.wav`, encodeWav(samples, 8_000));
    const threads = ["--threads", "1"];
    const [predicted] = jsonLines<{ predictions: { label: string; score: number }[] }>(
      await cliOk(["predict", "--model", "model", "clips/test/one/1.wav", "--json"], { cwd }),
    );
    const { score } = predicted!.predictions.find(({ label }) => label === "one")!;
    const [evaluated] = jsonLines<EvalLine>(
      await cliOk(["eval", "--model", "model", "--data", "clips", "--json", ...threads], { cwd }),
    );
    ok(Math.abs(evaluated!.loss + Math.log(score)) < 1e-4, `${evaluated!.loss}, score ${score}`);
    const cut = samples.subarray(0, 20 * 8_000);
    await writeFile(`${cwd}/cut.wav`, encodeWav(cut, 8_000));
    const [other] = jsonLines<{ predictions: { label: string; score: number }[] }>(
      await cliOk(["predict", "--model", "model", "cut.wav", "--json"], { cwd }),
    );
    const cutScore = other!.predictions.find(({ label }) => label === "one")!.score;
    ok(Math.abs(Math.log(cutScore) - Math.log(score)) > 1e-3, "the end of the clip counts");
  });
});
