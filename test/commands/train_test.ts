import { deepEqual, equal, match, notDeepEqual, ok } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { fixture } from "../audio/fixtures.ts";
import { readTensors } from "../kit.ts";
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

interface TrainEvent {
  event: string;
  step?: number;
  output?: string;
  clips?: Record<string, number>;
  labels?: string[];
  metrics?: { accuracy: number; loss: number };
  seconds?: number;
}

/** The command line of a run that takes a moment; more may follow. */
const QUICK = ["train", "--data", "tones", "--backend", "wasm", "--threads", "1"];
const TWO_EPOCHS = [...QUICK, "--num-train-epochs", "2"];

/** Names and bytes of all files below a folder. */
async function snapshot(folder: string): Promise<Record<string, Uint8Array>> {
  const files: Record<string, Uint8Array> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) Object.assign(files, await snapshot(path));
    else files[path] = await Deno.readFile(path);
  }
  return files;
}

/** Tones in `folder/tones`, and a run over two epochs in `folder/model`. */
async function trainedTones(folder: string): Promise<void> {
  await writeTones(`${folder}/tones`);
  await cliOk([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
}

Deno.test("train tells programs of each epoch, each checkpoint and the test split", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const result = await cliOk([...TWO_EPOCHS, "--output", "model", "--json"], { cwd: folder });
    const events = jsonLines<TrainEvent>(result);
    const epoch = ["step", "eval", "save"];
    deepEqual(events.map(({ event }) => event), ["start", ...epoch, ...epoch, "done"]);
    deepEqual(events[0]!.clips, { train: 18, validation: 6, test: 6 });
    deepEqual(events[0]!.labels, TONE_LABELS);
    const { output, metrics, seconds } = events.at(-1)!;
    equal(output, "model");
    ok(metrics!.accuracy >= 0 && metrics!.accuracy <= 1 && metrics!.loss > 0 && seconds! > 0);
    match(result.stderr, /^Device: WASM, 1 thread/m);
    match(result.stderr, /^Epoch {2}Training Loss {2}Validation Loss {2}Accuracy\n {4}1 /m);
  });
});

Deno.test("train ends with commands that work when pasted", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const { stdout } = await cliOk(TWO_EPOCHS, { cwd: folder });
    match(stdout, /the model is in runs\/tones-1$/m);
    const [, pasted] = stdout.match(/deno task (predict .*)$/m)!;
    const answer = await cliOk(pasted!.split(" "), { cwd: folder });
    match(answer.stdout, /^tones\/test\/high\/0\.wav\n( {2}\d\.\d{4} {2}(high|low|mid)\n){3}$/);
    match(stdout, /deno task serve --model runs\/tones-1$/m);
    match((await cliOk(TWO_EPOCHS, { cwd: folder })).stdout, /the model is in runs\/tones-2$/m);
  });
});

Deno.test("train refuses a directory that holds a model, and replaces it only when asked to", async () => {
  await withFolder(async (folder) => {
    await trainedTones(folder);
    const before = await snapshot(`${folder}/model`);
    const again = [...TWO_EPOCHS, "--output", "model"];
    const { code, stderr } = await cli(again, { cwd: folder });
    equal(code, 2);
    match(stderr, /^Cannot train into "model": .* found a model in it\n- Give --resume/);
    deepEqual(await snapshot(`${folder}/model`), before);
    await cliOk([...again, "--overwrite", "--seed", "7"], { cwd: folder });
    const weights = `${folder}/model/model.safetensors`;
    notDeepEqual(await Deno.readFile(weights), before[weights]);
  });
});

Deno.test("train stops at Ctrl-C with a checkpoint, and goes on to the same bytes", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const long = [...QUICK, "--num-train-epochs", "12", "--output"];
    await cliOk([...long, "whole"], { cwd: folder });
    let pressed = false;
    const { code, stderr } = await cli([...long, "broken", "--json"], {
      cwd: folder,
      onOutput: (text, child) => {
        if (pressed || !text.includes('"event":"save"')) return;
        pressed = true;
        child.kill("SIGINT");
      },
    });
    equal(code, 130);
    match(
      stderr,
      /^Interrupted at step \d+; its checkpoint is in broken\n- Go on with: .*--resume$/m,
    );
    const names = Array.from(Deno.readDirSync(`${folder}/broken`), ({ name }) => name);
    ok(names.some((name) => /^checkpoint-\d+$/.test(name)) && !names.includes("config.json"));
    const [, pasted] = stderr.match(/deno task (train .*--resume)$/m)!;
    await cliOk(pasted!.split(" "), { cwd: folder });
    deepEqual(
      await Deno.readFile(`${folder}/broken/model.safetensors`),
      await Deno.readFile(`${folder}/whole/model.safetensors`),
    );
  });
});

Deno.test("train stops at a bad file with its name, or leaves it out and counts it", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    await writeFile(`${folder}/tones/train/low/bad.wav`, new Uint8Array(100));
    const { code, stderr } = await cli([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
    equal(code, 1);
    match(stderr, /^Cannot decode audio "tones\/train\/low\/bad\.wav": .+\n- .+--skip-bad-files$/m);
    deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["tones"]);
    const skipping = [...TWO_EPOCHS, "--output", "model", "--skip-bad-files"];
    const result = await cliOk(skipping, { cwd: folder });
    match(
      result.stderr,
      /^Warning: 1 recording is left out, since no sound can be read:\n- .*bad\.wav/m,
    );
  });
});

Deno.test("train and eval look for the files of a manifest before the first batch", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`, { train: 6 });
    const rows = TONE_LABELS.flatMap((label) =>
      [0, 1, 2, 3, 4, 5].map((i) => `train/${label}/${i}.wav,${label}`)
    );
    const list = ["file_name,label", ...rows].join("\n").replace("low/5.wav", "low/gone.wav");
    await writeFile(`${folder}/tones/list.csv`, new TextEncoder().encode(list));
    const missing =
      /^Cannot open "tones\/train\/low\/gone\.wav": .+ \(tones\/list\.csv, row 11\)\n- Leave it out with --skip-bad-files$/m;
    const data = ["--data", "tones/list.csv", "--backend", "wasm", "--threads", "1"];
    const run = ["train", ...data, "--num-train-epochs", "1", "--output", "model", "--json"];
    const { code, stdout, stderr } = await cli(run, { cwd: folder });
    deepEqual([code, stdout], [1, ""]);
    match(stderr, missing);
    await cliOk([...run, "--skip-bad-files"], { cwd: folder });
    const measured = ["eval", "--model", "model", ...data, "--split", "all"];
    const { stderr: said } = await cli(measured, { cwd: folder });
    match(said, missing);
    ok(!said.includes("Device:"), said);
  });
});

Deno.test("train says how many clips it takes parts of", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const long = (seconds: number) => encodeWav(new Float32Array(seconds * 8_000).fill(0.1), 8_000);
    await writeFile(`${folder}/tones/train/low/long.wav`, long(2));
    await writeFile(`${folder}/tones/test/low/long.wav`, long(2));
    const run = [...TWO_EPOCHS, "--max-length-seconds", "1.5", "--max-steps", "1"];
    const { stdout } = await cliOk([...run, "--output", "model"], { cwd: folder });
    match(
      stdout,
      /^1 training clip is longer than 1\.5 s: each epoch takes another part of that length$/m,
    );
    const whole = await cliOk([...TWO_EPOCHS, "--max-steps", "1", "--output", "other"], {
      cwd: folder,
    });
    ok(!whole.stdout.includes("longer than"), whole.stdout);
  });
});

Deno.test("train says where the model is when only its test fails", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    // Its headers are sound, and nothing behind them.
    const bad = await fixture("mono.oga");
    await writeFile(`${folder}/tones/test/low/bad.oga`, bad.fill(0xff, bad.length / 2));
    const { code, stderr } = await cli([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
    equal(code, 1);
    match(
      stderr,
      /^The trained model is in model, but was not tested\nCannot decode audio ".+bad\.oga"/m,
    );
    await Deno.stat(`${folder}/model/config.json`);
  });
});

Deno.test("train warns of silent clips, counts them and names three", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const silence = encodeWav(new Float32Array(2_400), 8_000);
    for (const i of [0, 1, 2, 3]) {
      await writeFile(`${folder}/tones/train/low/quiet${i}.wav`, silence);
    }
    const { stderr } = await cliOk([...TWO_EPOCHS, "--output", "model"], { cwd: folder });
    match(stderr, /^Warning: 4 clips are silent, the first 3 of them:\n(- .*quiet\d\.wav.*\n){3}/m);
  });
});

Deno.test("train draws a new classifier for other labels, and keeps it for the same ones", async () => {
  await withFolder(async (folder) => {
    await trainedTones(folder);
    const further = [...TWO_EPOCHS, "--model", "model", "--max-steps", "1"];
    const same = await cliOk([...further, "--output", "same"], { cwd: folder });
    ok(!same.stdout.includes("Newly initialised"), same.stdout);
    await Deno.rename(`${folder}/tones/train/mid`, `${folder}/tones/train/middle`);
    await Deno.remove(`${folder}/tones/validation/mid`, { recursive: true });
    await Deno.remove(`${folder}/tones/test/mid`, { recursive: true });
    const other = await cliOk([...further, "--output", "other"], { cwd: folder });
    match(other.stdout, /^Newly initialised: classifier\.weight, classifier\.bias$/m);
    const { id2label } = JSON.parse(await Deno.readTextFile(`${folder}/other/config.json`));
    deepEqual(id2label, { 0: "high", 1: "low", 2: "middle" });
  });
});

Deno.test("train refuses a model with a missing or misshapen tensor before it trains", async () => {
  await withFolder(async (folder) => {
    await trainedTones(folder);
    const config = JSON.parse(await Deno.readTextFile(`${folder}/model/config.json`));
    const further = [...TWO_EPOCHS, "--model", "model", "--output", "new"];
    const withConfig = async (fields: Record<string, unknown>) => {
      await Deno.writeTextFile(
        `${folder}/model/config.json`,
        JSON.stringify({ ...config, ...fields }),
      );
      return await cli(further, { cwd: folder });
    };
    const deeper = await withConfig({ num_hidden_layers: config.num_hidden_layers + 1 });
    equal(deeper.code, 1);
    match(
      deeper.stderr,
      /^Cannot fine-tune "model": expected tensor "wav2vec2\.encoder\.layers\./m,
    );
    const wider = await withConfig({ intermediate_size: 2 * config.intermediate_size });
    equal(wider.code, 1);
    match(wider.stderr, /^Cannot load tensor ".*intermediate_dense\.weight" .* found \[/m);
    equal(await Deno.stat(`${folder}/new`).catch(() => undefined), undefined);
  });
});

Deno.test("train takes arguments from a JSON file, and the command line first", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const config = { learning_rate: 0.002, "max-steps": 2, weightDecay: 0.5, output_dir: "model" };
    await Deno.writeTextFile(`${folder}/args.json`, JSON.stringify(config));
    await cliOk([...QUICK, "--config", "args.json", "--weight-decay", "0.1"], { cwd: folder });
    const args = JSON.parse(await Deno.readTextFile(`${folder}/model/training_args.json`));
    deepEqual([args.learningRate, args.maxSteps, args.weightDecay], [0.002, 2, 0.1]);
    await Deno.writeTextFile(`${folder}/args.json`, '{"learning_rat": 1}');
    const { code, stderr } = await cli([...QUICK, "--config", "args.json"], { cwd: folder });
    equal(code, 2);
    match(stderr, /^Cannot use argument "learning_rat" of "args\.json": there is none/);
  });
});

Deno.test("train refuses arguments out of range or against each other with 2", async () => {
  const wrong: [string[], RegExp][] = [
    [["--learning-rate", "50"], /"--learning-rate": expected a value between 0 and 10, found 50/],
    [["--lr-scheduler-type", "step"], /"--lr-scheduler-type": expected one of linear, cosine/],
    [["--backend", "cuda"], /"--backend": expected one of auto, webgpu, wasm, found "cuda"/],
    [["--threads", "1.5"], /"--threads": expected a whole number from 0 to 48, found 1.5/],
    [["--metric-for-best-model", "f1"], /-best-model": expected loss, accuracy, .*, found "f1"/],
    [["--validation-size", "-1"], /"--validation-size": expected a number from 0, found -1/],
    [
      ["--model", "tyni"],
      /"--model": expected tiny, tiny-sound, wake-word, small, base or a model directory/,
    ],
    [
      ["--model", "tiny", "--clip-seconds", "2"],
      /Cannot set the seconds of a clip of "tiny": its model takes clips of/,
    ],
    [
      ["--model", "wake-word", "--clip-seconds", "0.1"],
      /a model of "wake-word" for clips of 0.1 s: expected 0.24 s or more/,
    ],
    [
      ["--model", "models/voice_menu", "--clip-seconds", "2"],
      /"--clip-seconds": expected a preset as model, found "models\/voice_menu"/,
    ],
    [
      ["--model", "tiny", "--teacher", "models/voice_menu", "--head", "linear"],
      /Cannot use argument "--teacher" with "--head": no step is taken there/,
    ],
    [["--resume"], /^Cannot resume: expected argument "--output DIR", found none/],
    [
      [..."--eval-strategy steps --save-strategy steps --logging-steps 300".split(" ")]
        .concat("--save-steps", "500", "--load-best-model-at-end"),
      /expected --save-steps to be a multiple of --eval-steps 300, found 500/,
    ],
    [["--eval-strategy", "no", "--load-best-model-at-end"], /expected --eval-strategy "epoch"/],
    [
      ["--fp16"],
      /"--fp16": training is in 32 bits\n- .* --gradient-checkpointing or --lora-rank 8$/m,
    ],
    [["--fsdp", "full_shard"], /"--fsdp": a training is one process on one device/],
    [["--ddp_timeout", "soon"], /ddp[-_]timeout": expected a .*number, found "?soon/],
    [["recordings"], /"recordings": this command takes options only/],
  ];
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`, { train: 1 });
    const results = await Promise.all(
      wrong.map(([args]) => cli([...QUICK, ...args], { cwd: folder })),
    );
    for (const [i, { code, stderr }] of results.entries()) {
      match(stderr, wrong[i]![1]);
      equal(code, 2, stderr);
      equal(stderr.trimEnd().split("\n- ").length <= 2, true);
    }
    deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["tones"]);
  });
});

Deno.test("train refuses a folder without clips, with one label, or that is not there", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/empty`);
    await writeFile(`${folder}/one/yes/1.wav`, toneFile("low"));
    for (
      const [data, message] of [
        ["empty", /^Cannot load data set "empty": expected .*, found no audio files$/m],
        ["one", /^Cannot train on "one": expected two labels or more, found one, "yes"$/m],
        ["none", /^Cannot load data set "none": expected a folder, .*, found none of that name$/m],
      ] as const
    ) {
      const { code, stderr } = await cli(["train", "--data", data], { cwd: folder });
      equal(code, 1);
      match(stderr, message);
    }
  });
});

Deno.test("train leaves the files of results that the reference leaves", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const args = ["--output", "model", "--report-to", "tensorboard", "--max-train-samples", "9"];
    const result = await cliOk([...TWO_EPOCHS, ...args, "--json"], { cwd: folder });
    deepEqual(jsonLines<TrainEvent>(result)[0]!.clips, { train: 9, validation: 6, test: 6 });
    const read = async (name: string) =>
      JSON.parse(await Deno.readTextFile(`${folder}/model/${name}`));
    const [train, validation, test] = await Promise.all(
      ["train", "eval", "test"].map((split) => read(`${split}_results.json`)),
    );
    deepEqual(Object.keys(train), [
      "epoch",
      "total_flos",
      "train_loss",
      "train_runtime",
      "train_samples_per_second",
      "train_steps_per_second",
    ]);
    for (const [split, metrics] of [["eval", validation], ["test", test]] as const) {
      const names = ["accuracy", "f1_macro", "loss", "runtime", "steps_per_second"];
      for (const name of names) ok(metrics[`${split}_${name}`] >= 0, `${split}_${name}`);
    }
    deepEqual(await read("all_results.json"), { ...train, ...validation, ...test });
    const [run] = Array.from(Deno.readDirSync(`${folder}/model/runs`), ({ name }) => name);
    const [events] = Array.from(Deno.readDirSync(`${folder}/model/runs/${run}`));
    match(events!.name, /^events\.out\.tfevents\.\d+\.earshot$/);
  });
});

Deno.test("train adapts a model by low-rank changes, with weights for its classes", async () => {
  await withFolder(async (folder) => {
    await trainedTones(folder);
    const args = ["--model", "model", "--lora-rank", "2", "--class-weights", "1,2,0.5"];
    const more = ["--balanced-sampling", "--metric-for-best-model", "f1_macro", "--output", "new"];
    const { stdout } = await cliOk([...TWO_EPOCHS, ...args, ...more], { cwd: folder });
    match(stdout, /^Trained: [\d,.]+(?: M)? parameters, all others stay as they are$/m);
    await cliOk(["eval", "--model", "new", "--data", "tones"], { cwd: folder });
    const { code, stderr } = await cli(
      [...TWO_EPOCHS, "--model", "model", "--class-weights", "1,2", "--output", "x"],
      { cwd: folder },
    );
    equal(code, 1);
    match(stderr, /"--class-weights": expected 3 numbers, not all of them 0, found \[1,2\]/);
  });
});

Deno.test("train learns several labels a clip, or values, and eval measures them", async () => {
  await withFolder(async (folder) => {
    for (const split of ["train", "test"]) {
      const rows = Array.from({ length: 9 }, (_, i) => ({
        file_name: `${i}.wav`,
        label: i % 2 ? ["low"] : ["low", "loud"],
        score: i / 9,
      }));
      for (const { file_name } of rows) {
        await writeFile(`${folder}/data/${split}/${file_name}`, toneFile("low"));
      }
      const lines = rows.map((row) => JSON.stringify(row)).join("\n");
      await Deno.writeTextFile(`${folder}/data/${split}/metadata.jsonl`, lines);
    }
    const run = ["--data", "data", "--backend", "wasm", "--threads", "1"];
    for (
      const [column, model, found] of [
        [
          "label",
          "tags",
          /^Test accuracy .* % \(95 % interval .*\), macro F1 .*, loss .*, 9 clips$/m,
        ],
        ["score", "values", /^Test mean error .*, root mean square .*, loss .*, 9 clips$/m],
      ] as const
    ) {
      const args = [...run, "--label-column", column];
      const more = ["--output", model, "--num-train-epochs", "1"];
      match((await cliOk(["train", ...args, ...more], { cwd: folder })).stdout, found);
      const again = ["--model", model, "--output", `${model}-again`, "--num-train-epochs", "1"];
      await cliOk(["train", ...args, ...again], { cwd: folder });
      const [line] = jsonLines<Record<string, number>>(
        await cliOk(["eval", ...args, "--model", model, "--json"], { cwd: folder }),
      );
      equal(line!.samples, 9);
      ok((column === "label" ? line!.f1_micro! : line!.rmse!) >= 0);
      const all = await cliOk(["eval", ...args, "--model", model, "--split", "all", "--json"], {
        cwd: folder,
      });
      equal(jsonLines<{ samples: number }>(all)[0]!.samples, 18);
    }
    const wrong = await cli(
      ["eval", ...run, "--label-column", "score", "--model", "tags"],
      { cwd: folder },
    );
    equal(wrong.code, 1);
  });
});

Deno.test("train --head linear changes the last layer alone, without a step", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    await cliOk([...TWO_EPOCHS, "--output", "start"], { cwd: folder });
    const args = [...QUICK, "--model", "start", "--head", "linear", "--output", "head", "--json"];
    const events = jsonLines<TrainEvent & { heldOutLoss?: number }>(
      await cliOk(args, { cwd: folder }),
    );
    deepEqual(events.map(({ event }) => event), ["start", "head", "done"]);
    ok(events[1]!.heldOutLoss! > 0);
    ok(events.at(-1)!.metrics!.accuracy > 0.8);
    const [base, head] = await Promise.all(["start", "head"].map((name) => {
      return readTensors(`${folder}/${name}/model.safetensors`);
    }));
    for (const [name, { values }] of base!) {
      const isHead = name === "classifier.weight" || name === "classifier.bias";
      if (isHead) notDeepEqual(head!.get(name)!.values, values, name);
      else deepEqual(head!.get(name)!.values, values, name);
    }
  });
});

Deno.test("train --head knn and centroid write what predict and eval answer with", async () => {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    await cliOk([...TWO_EPOCHS, "--output", "start"], { cwd: folder });
    for (const head of ["knn", "centroid"]) {
      const args = [...QUICK, "--model", "start", "--head", head, "--output", head, "--json"];
      const events = jsonLines<TrainEvent & { neighbours?: number }>(
        await cliOk([...args, "--feature-cache", "features"], { cwd: folder }),
      );
      const { accuracy } = events.at(-1)!.metrics!;
      ok(accuracy! > 0.8, `${head} ${accuracy}`);
      const tensors = await readTensors(`${folder}/${head}/model.safetensors`);
      equal(tensors.has("earshot.neighbours.vectors"), head === "knn");

      const predict = ["predict", "--model", head, "--json", "tones/train/low"];
      const lines = jsonLines<{ predictions: { label: string }[] }>(
        await cliOk(predict, { cwd: folder }),
      );
      const right = lines.filter(({ predictions }) => predictions[0]!.label === "low").length;
      ok(right > 0.8 * lines.length, `${head}: ${right} of ${lines.length}`);
    }
    const names = Array.from(Deno.readDirSync(`${folder}/features`), ({ name }) => name);
    equal(names.length, 1, "both heads have one backbone");
  });
});
