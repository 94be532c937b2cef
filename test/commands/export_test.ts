import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { tensor } from "@tensorflow/tfjs-core";
import { pipeline } from "../../src/classify/pipeline.ts";
import { printExport } from "../../src/commands/export.ts";
import { CheckpointError, DatasetError, FileError } from "../../src/errors.ts";
import { exportModel, type ExportOptions, type ExportReport } from "../../src/export/mod.ts";
import { type AudioClassificationModel, buildModel } from "../../src/models/mod.ts";
import { AutoFeatureExtractor, loadPretrained, savePretrained } from "../../src/pretrained.ts";
import { PACKED_FILE, PACKED_VERSION } from "../../src/weights/packed.ts";
import { assertAllClose } from "../compare.ts";
import { startTestWasm } from "../devices.ts";
import { saveTinyModel, TINY_CONFIG, tinyExtractor, tone } from "../tiny_model.ts";
import {
  cli,
  cliOk,
  jsonLines,
  silentOutput,
  toneFile,
  withFolder,
  writeFile,
} from "./_command_line.ts";

const VOICE_MENU = new URL("../../models/voice_menu", import.meta.url).pathname;
const RECORDINGS = new URL("../../examples/voice_menu", import.meta.url).pathname;
const CLIP = { samples: tone(4_000), samplingRate: 8_000 };

/** Runs a body with a tiny model in `folder/model`, on one thread. */
async function withTiny(body: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const device = await startTestWasm({ threads: 1 });
    try {
      await saveTinyModel(`${folder}/model`);
      await body(folder);
    } finally {
      device.dispose();
    }
  });
}

function exportTiny(folder: string, options: Partial<ExportOptions> = {}): Promise<ExportReport> {
  const output = `${folder}/out`;
  const request: ExportOptions = { model: `${folder}/model`, output, dtype: "f32", ...options };
  return exportModel(request);
}

async function scoresOf(model: string): Promise<Float32Array> {
  const classifier = await pipeline("audio-classification", model);
  const classes = await classifier(CLIP, { functionToApply: "none" });
  classifier.dispose();
  const ordered = classes.toSorted((a, b) => a.label < b.label ? -1 : 1);
  return Float32Array.from(ordered, ({ score }) => score);
}

for (const [dtype, tolerance] of [["f32", 1e-5], ["f16", 5e-3], ["q8", 5e-2]] as const) {
  Deno.test(`export writes a directory in ${dtype} that gives the scores of the model`, async () => {
    await withTiny(async (folder) => {
      const report = await exportTiny(folder, { dtype });
      const names = Array.from(Deno.readDirSync(`${folder}/out`), ({ name }) => name).sort();
      deepEqual(names, ["config.json", "export.json", PACKED_FILE, "preprocessor_config.json"]);
      deepEqual(JSON.parse(await Deno.readTextFile(`${folder}/out/export.json`)), report);
      equal(report.bytes.file, (await Deno.stat(`${folder}/out/${PACKED_FILE}`)).size);
      equal(report.dtype, dtype);
      assertAllClose(await scoresOf(`${folder}/out`), await scoresOf(`${folder}/model`), {
        atol: tolerance,
        rtol: tolerance,
      });
    });
  });
}

Deno.test("export stores half the bytes in f16, and refuses numbers that are too large for it", async () => {
  await withTiny(async (folder) => {
    const whole = await exportTiny(folder);
    const half = await exportTiny(folder, { dtype: "f16", output: `${folder}/half` });
    ok(half.bytes.file < 0.8 * whole.bytes.file);
    equal(half.bytes.resident, whole.bytes.resident);
    const model = await buildModel(TINY_CONFIG);
    const large = model.parameters.get("projector.bias")!;
    large.assign(tensor(new Float32Array(large.size).fill(7e4)));
    await savePretrained(`${folder}/large`, model, tinyExtractor());
    model.dispose();
    const options = { model: `${folder}/large`, output: `${folder}/no`, dtype: "f16" } as const;
    await rejects(exportTiny(folder, options), { name: "CheckpointError", key: "projector.bias" });
    await rejects(Deno.stat(`${folder}/no`), Deno.errors.NotFound);
  });
});

Deno.test("export refuses an output that holds something, and a model that cannot classify", async () => {
  await withTiny(async (folder) => {
    await exportTiny(folder);
    const before = await Deno.readFile(`${folder}/out/${PACKED_FILE}`);
    await rejects(exportTiny(folder, { dtype: "f16" }), (error: FileError) => {
      match(error.message, /expected a new or empty directory, found "config\.json" in it/);
      return error instanceof FileError;
    });
    deepEqual(await Deno.readFile(`${folder}/out/${PACKED_FILE}`), before);
    await Deno.remove(`${folder}/model/model.safetensors`);
    await rejects(exportTiny(folder, { output: `${folder}/none` }), CheckpointError);
    await rejects(Deno.stat(`${folder}/none`), Deno.errors.NotFound);
  });
});

Deno.test("an export in q8 is neither exported again nor trained", async () => {
  await withTiny(async (folder) => {
    await exportTiny(folder, { dtype: "q8" });
    const again = exportTiny(folder, { model: `${folder}/out`, output: `${folder}/again` });
    await rejects(
      again,
      /Cannot export .*: expected weights as they were trained, found an export/,
    );
    await writeFile(`${folder}/data/train/a/1.wav`, toneFile("low"));
    await writeFile(`${folder}/data/train/b/1.wav`, toneFile("high"));
    const args = ["--model", "out", "--data", "data", "--output", "trained", "--backend", "wasm"];
    const { code, stderr } = await cli(["train", ...args], { cwd: folder });
    equal(code, 1, stderr);
    match(
      stderr,
      /^Cannot fine-tune "out": expected weights as they were trained, found an export/m,
    );
    match(stderr, /^- Name the directory that it was exported from$/m);
  });
});

/** Writes a packed file again with its bytes changed. */
async function change(folder: string, how: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const path = `${folder}/out/${PACKED_FILE}`;
  await Deno.writeFile(path, how(await Deno.readFile(path)));
}

function replaceText(from: string, to: string): (bytes: Uint8Array) => Uint8Array {
  equal(from.length, to.length);
  return (bytes) => {
    const text = new TextDecoder("latin1").decode(bytes);
    const at = text.indexOf(from);
    ok(at > 0, `no ${from}`);
    bytes.set(new TextEncoder().encode(to), at);
    return bytes;
  };
}

Deno.test("an export of a newer version is refused, with both versions", async () => {
  await withTiny(async (folder) => {
    await exportTiny(folder);
    const [now, next] = [PACKED_VERSION, PACKED_VERSION + 1];
    await change(folder, replaceText(`"version":"${now}"`, `"version":"${next}"`));
    await rejects(pipeline("audio-classification", `${folder}/out`), (error: CheckpointError) => {
      match(error.message, RegExp(`an export of version ${now}, found version ${next}`));
      match(error.hint!, /update this one/);
      return error instanceof CheckpointError;
    });
  });
});

Deno.test("an export that was cut or changed is refused with the tensor's name", async () => {
  await withTiny(async (folder) => {
    await exportTiny(folder);
    const whole = await Deno.readFile(`${folder}/out/${PACKED_FILE}`);
    const refused = async (how: (bytes: Uint8Array) => Uint8Array, message: RegExp) => {
      await Deno.writeFile(`${folder}/out/${PACKED_FILE}`, how(whole.slice()));
      const load = pipeline("audio-classification", `${folder}/out`);
      await rejects(load, (error: CheckpointError) => {
        match(error.message, message);
        return error instanceof CheckpointError;
      });
    };
    await refused((bytes) => bytes.subarray(0, bytes.length - 4), /the file ends before/);
    await refused(replaceText('\\"shape\\":[12,16]', '\\"shape\\":[16,12]'), /projector\.weight/);
    await refused(
      replaceText(
        '"projector.weight\\",{\\"form\\":\\"panels',
        '"projector.weight\\",{\\"form\\":\\"panes ',
      ),
      /known forms/,
    );
  });
});

Deno.test("export measures q8 on recordings, and keeps its accuracy and its scores", async () => {
  await withFolder(async (folder) => {
    const device = await startTestWasm({ threads: 2 });
    const options: ExportOptions = {
      ...{ model: VOICE_MENU, output: `${folder}/out`, dtype: "q8" },
      ...{ data: RECORDINGS, maxClips: 100 },
    };
    const lines: string[] = [];
    const out = silentOutput((line) => void lines.push(line));
    const report = await exportModel(options).finally(() => device.dispose());
    printExport(report, options, out);
    const { calibration, bytes, forms, narrow, wide } = report;
    const test = calibration!.sets.find(({ set }) => set === "test")!;
    equal(test.clips, 100);
    ok(calibration!.sets.every(({ cosine }) => cosine >= 0.999), JSON.stringify(calibration!.sets));
    ok(test.accuracy!.q8 >= test.accuracy!.f32 - 1 / 200);
    ok(forms["int8-panels"]! > 0, JSON.stringify(forms));
    ok(bytes.resident < 0.35 * bytes.float32);
    ok(narrow!.bytes < 0.27 * 4 * narrow!.parameters, JSON.stringify(narrow));
    ok(wide.some(({ name }) => name.endsWith("conv_layers.0.conv.weight")), JSON.stringify(wide));
    match(lines.join("\n"), /^layer +parameters +cosine alone +stored in$/m);
    match(lines.join("\n"), /^test +100 +[01]\.\d{6} /m);
  });
});

/** Multiplies some numbers of a parameter. */
async function stretch(
  model: AudioClassificationModel,
  name: string,
  factor: (index: number) => number,
): Promise<void> {
  const parameter = model.parameters.get(name)!;
  const values = (await parameter.data() as Float32Array).map((value, i) => value * factor(i));
  const changed = tensor(values, parameter.shape);
  parameter.assign(changed);
  changed.dispose();
}

Deno.test("export keeps 32 bits for a layer whose numbers differ too much in size", async () => {
  await withFolder(async (folder) => {
    const device = await startTestWasm({ threads: 2 });
    const model = await loadPretrained(VOICE_MENU);
    const layer = "wav2vec2.encoder.layers.0.feed_forward";
    const width = model.parameters.get(`${layer}.intermediate_dense.weight`)!.shape[1]!;
    const units = model.parameters.get(`${layer}.output_dense.weight`)!.shape[1]!;
    // One unit of the layer speaks so loudly that 8 bits for all leave nothing for the others.
    await stretch(model, `${layer}.intermediate_dense.weight`, (i) => i < width ? 1e4 : 1);
    await stretch(model, `${layer}.output_dense.weight`, (i) => i % units === 0 ? 1e-4 : 1);
    const extractor = await AutoFeatureExtractor.fromPretrained(VOICE_MENU);
    await savePretrained(`${folder}/loud`, model, extractor);
    model.dispose();
    const { calibration, wide } = await exportModel({
      ...{ model: `${folder}/loud`, output: `${folder}/out`, dtype: "q8" },
      ...{ data: RECORDINGS, maxClips: 30 },
    }).finally(() => device.dispose());
    const kept = calibration!.layers.filter(({ precision }) => precision === "float32");
    deepEqual(kept.map((found) => found.layer), [layer], JSON.stringify(calibration!.layers));
    ok(kept[0]!.cosine < 0.999);
    ok(calibration!.sets.every(({ cosine }) => cosine >= 0.999));
    ok(wide.some(({ name }) => name === `${layer}.output_dense.weight`));
  });
});

Deno.test("export measures scores alone where recordings have no label of the model", async () => {
  await withTiny(async (folder) => {
    await writeFile(`${folder}/data/a.wav`, toneFile("low"));
    await writeFile(`${folder}/data/more/b.wav`, toneFile("high"));
    const { calibration } = await exportTiny(folder, { dtype: "q8", data: `${folder}/data` });
    const [set] = calibration!.sets;
    deepEqual([set!.set, set!.clips, set!.accuracy], ["all", 2, null]);
    await Deno.mkdir(`${folder}/empty`);
    for (const data of [`${folder}/empty`, `${folder}/absent`]) {
      const none = { data, dtype: "q8", output: `${folder}/none` } as const;
      await rejects(exportTiny(folder, none), DatasetError);
    }
    await rejects(Deno.stat(`${folder}/none`), Deno.errors.NotFound);
  });
});

Deno.test("the command export says that nothing was measured, and predict reads what it wrote", async () => {
  await withTiny(async (folder) => {
    const cwd = folder;
    const args = ["export", "--model", "model", "--output"];
    const { stdout } = await cliOk([...args, "q8"], { cwd });
    match(stdout, /^Exported to q8 in q8\n {2}file +\d+\.\d\d MB, \d+\.\d % of f32$/m);
    match(stdout, /^Nothing was measured: no --calibrate was given$/m);
    const [line] = jsonLines<ExportReport>(
      await cliOk([...args, "f16", "--dtype", "f16", "--json"], { cwd }),
    );
    deepEqual([line!.dtype, line!.calibration], ["f16", null]);
    await writeFile(`${folder}/clip.wav`, toneFile("mid"));
    const predicted = await cliOk(["predict", "--model", "q8", "clip.wav"], { cwd });
    match(predicted.stdout, /^clip\.wav\n {2}[01]\.\d{4} {2}\w+$/m);
    for (const wrong of [["--dtype", "q4"], ["--clips", "0"]]) {
      equal((await cli([...args, "no", ...wrong], { cwd })).code, 2);
    }
    equal((await cli(["export"], { cwd })).code, 2);
  });
});
