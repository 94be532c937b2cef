import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { type Classification, pipeline } from "../../src/classify/pipeline.ts";
import { bundle, type BundleResult } from "../../src/commands/bundle.ts";
import { exportModel } from "../../src/export/mod.ts";
import { useDevice } from "../../src/devices.ts";
import { CheckpointError, FileError } from "../../src/errors.ts";
import { fixture, FIXTURES } from "../audio/fixtures.ts";
import { BUNDLE_COMMANDS, whileRunning } from "../edge/_processes.ts";
import { runtime } from "../edge/_runtimes.ts";
import { saveTinyModel, tone } from "../tiny_model.ts";

/**
 * What a service costs to start, of code and WASM; a change that needs more says why: decoders of what
 * devices record (MP4 with AAC and ALAC, Matroska, CAF, AIFF) took 20 KB; calibrated scores, windows that share work,
 * several heads, and heads that are taught, 15 KB; keys, logs, traces, several models, and a page's files 12 KB.
 */
const MAX_GZIP_BYTES = 256 * 1024;
const CLIP = encodeWav(tone(4_000), 8_000).slice();
const OLD_DENO = runtime("deno");

const FOLDER = await Deno.makeTempDir();
const MODEL = `${FOLDER}/model`;

interface Made {
  result: BundleResult;
  /** What the pipeline says of the clip. */
  expected: Classification[];
}

/** The tiny model and its bundle, which all tests here look at. */
let made: Promise<Made> | undefined;

function tinyBundle(): Promise<Made> {
  return made ??= makeBundle();
}

async function makeBundle(): Promise<Made> {
  await useDevice({ backend: "wasm" });
  await saveTinyModel(MODEL);
  const expected = await predicted(MODEL);
  return { expected, result: await bundle({ model: MODEL, output: `${FOLDER}/bundle` }) };
}

async function predicted(model: string, clip = CLIP): Promise<Classification[]> {
  const classifier = await pipeline("audio-classification", model);
  try {
    return await classifier(clip);
  } finally {
    classifier.dispose();
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isFile } of Deno.readDir(from)) {
    if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    else await copyFolder(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test.afterAll(() => Deno.remove(FOLDER, { recursive: true }));

async function answersAsExpected(
  url: string,
  expected: Classification[],
  clip: Uint8Array<ArrayBuffer> = CLIP,
): Promise<void> {
  const response = await fetch(url, { method: "POST", body: clip });
  const answer: Classification[] = await response.json();
  equal(response.status, 200, JSON.stringify(answer));
  deepEqual(answer.map(({ label }) => label), expected.map(({ label }) => label));
  for (const [i, { score }] of answer.entries()) {
    ok(Math.abs(score - expected[i]!.score) <= 1e-6, `${score} for ${expected[i]!.score}`);
  }
}

async function runsAnywhere(program: string): Promise<void> {
  const { expected } = await tinyBundle();
  const moved = `${await Deno.makeTempDir()}/moved here #1%20`;
  await copyFolder(`${FOLDER}/bundle`, moved);
  for (const args of BUNDLE_COMMANDS) {
    await whileRunning({ program, args, cwd: moved }, (url) => answersAsExpected(url, expected));
  }
  await Deno.remove(`${moved}/..`, { recursive: true });
}

Deno.test("bundle() answers with the pipeline's scores, wherever it was moved", async () => {
  await runsAnywhere(Deno.execPath());
});

Deno.test({
  name: `bundle() answers on Deno 2.5${OLD_DENO.skipped}`,
  ignore: OLD_DENO.isMissing,
  fn: () => runsAnywhere(OLD_DENO.path),
});

Deno.test("bundle() decodes every format without another file", async () => {
  await tinyBundle();
  const command = { args: BUNDLE_COMMANDS[0]!, cwd: `${FOLDER}/bundle` };
  await whileRunning(command, async (url) => {
    for (const name of FIXTURES) {
      const clip = new Uint8Array(await fixture(name));
      await answersAsExpected(url, await predicted(MODEL, clip), clip);
    }
  });
});

Deno.test("bundle() writes code within the byte budget, of nothing but what serving needs", async () => {
  const { codeBytes, codeGzipBytes, reached } = (await tinyBundle()).result;
  const list = Object.entries(reached).map(([name, bytes]) => `${bytes} ${name}`).join("\n");
  ok(codeGzipBytes <= MAX_GZIP_BYTES, `${codeGzipBytes} of ${MAX_GZIP_BYTES} bytes:\n${list}`);
  ok(codeGzipBytes > 0.2 * codeBytes);
  const rooms = new Set(Object.keys(reached).map(roomOf));
  deepEqual([...rooms].sort(), [
    "@tensorflow/tfjs-core",
    "@wasm-audio-decoders/common",
    "edge",
    "edge/hosts",
    "hono",
    "opus-decoder",
    "simple-yenc",
    "src",
    "src/audio",
    "src/classify",
    "src/detect",
    "src/features",
    "src/heads",
    "src/kernels/wasm",
    "src/layers",
    "src/models",
    "src/operations",
    "src/scores",
    "src/weights",
  ]);
  const unwanted =
    /pretrained|files\.ts|devices|gradients|pickle|zip|torch|sharded|optimizers|tfjs-core\/dist\/io|seedrandom/;
  deepEqual(Object.keys(reached).filter((name) => unwanted.test(name)), [
    "edge/hosts/_deno_files.ts",
  ]);
  // Of architectures there is that of the model, and of the kernels without relaxed SIMD a line that says so.
  ok(reached["src/kernels/wasm/_simd_binary.ts"]! < 1_000);
  const others = /models\/(whisper|ced|sew|wavlm|hubert)|features\/(whisper|ced|ast)/;
  deepEqual(Object.keys(reached).filter((name) => others.test(name)), []);
});

/** The folder of our own that a module is in, or the package. */
function roomOf(name: string): string {
  if (/^(src|edge)\//.test(name)) return name.slice(0, name.lastIndexOf("/"));
  if (name.startsWith("@tensorflow/tfjs-backend-wasm")) return name;
  return name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/");
}

Deno.test("bundle() writes what a host needs, and nothing that it would have to fetch", async () => {
  const { result } = await tinyBundle();
  const names = result.files.map(({ name }) => name).sort();
  deepEqual(names, [
    "deno.json",
    "docs.html",
    "main.js",
    "model/config.json",
    "model/model.safetensors",
    "model/preprocessor_config.json",
    "openapi.json",
    "server.js",
    "settings.json",
  ]);
  const read = (name: string) => Deno.readTextFile(`${FOLDER}/bundle/${name}`);
  deepEqual(JSON.parse(await read("deno.json")).deploy, {
    runtime: { type: "dynamic", entrypoint: "main.js", memoryLimit: 256 },
  });
  const { memoryMb } = JSON.parse(await read("settings.json"));
  ok(memoryMb > 100 && memoryMb < 160, String(memoryMb));
  const main = (await read("main.js")).split("\n").filter((line) => !/^(\/\/.*)?$/.test(line));
  ok(main.length <= 9, main.join("\n"));
  match(main[0]!, /^import server from "\.\/server\.js";$/);
  const server = await read("server.js");
  ok(!/\bimport\s*\(|\bimport\s*["{*\w]|\brequire\(/.test(server), "server.js imports something");
  match(server, /export\{([\w$]+) as default\}/);
  equal(server.match(/\bexport\b\s*\{[^}]*\}/)![0].includes(","), false);
});

Deno.test("bundle() rewrites a checkpoint that is not one safetensors file", async () => {
  const { expected } = await tinyBundle();
  const shard = "model-00001-of-00001.safetensors";
  const model = `${FOLDER}/sharded`;
  await copyFolder(MODEL, model);
  await Deno.rename(`${model}/model.safetensors`, `${model}/${shard}`);
  const names = await tensorNames(`${model}/${shard}`);
  const index = { weight_map: Object.fromEntries(names.map((name) => [name, shard])) };
  await Deno.writeTextFile(`${model}/model.safetensors.index.json`, JSON.stringify(index));
  const output = `${FOLDER}/rewritten`;
  const { files } = await bundle({ model, output });
  ok(files.some(({ name }) => name === "model/model.safetensors"));
  deepEqual(await predicted(`${output}/model`), expected);
});

Deno.test("bundle() takes the weights of an export as they are, and answers with them", async () => {
  await tinyBundle();
  const exported = `${FOLDER}/exported`;
  await exportModel({ model: MODEL, output: exported, dtype: "q8" });
  const output = `${FOLDER}/of-export`;
  const { files } = await bundle({ model: exported, output });
  const names = files.map(({ name }) => name).filter((name) => name.startsWith("model/"));
  deepEqual(names.sort(), [
    "model/config.json",
    "model/model.packed.safetensors",
    "model/preprocessor_config.json",
  ]);
  const weights = await Deno.readFile(`${output}/model/model.packed.safetensors`);
  deepEqual(weights, await Deno.readFile(`${exported}/model.packed.safetensors`));
  const expected = await predicted(exported);
  await whileRunning({ args: BUNDLE_COMMANDS[0]!, cwd: output }, (url) => {
    return answersAsExpected(url, expected);
  });
});

async function tensorNames(file: string): Promise<string[]> {
  const bytes = await Deno.readFile(file);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return Object.keys(header).filter((name) => name !== "__metadata__");
}

Deno.test("bundle() writes the page where it is asked for, and the service gives it", async () => {
  await tinyBundle();
  const output = `${FOLDER}/with_page`;
  const { files } = await bundle({ model: MODEL, output, settings: { ui: true } });
  const page = files.map(({ name }) => name).filter((name) => name.startsWith("ui/")).sort();
  deepEqual(page, ["ui/index.html", "ui/page.css", "ui/page.js", "ui/worklet.js"]);
  await whileRunning({ args: BUNDLE_COMMANDS[0]!, cwd: output }, async (url) => {
    const answer = await fetch(`${url}ui/page.js`);
    equal(await answer.text(), await Deno.readTextFile(`${output}/ui/page.js`));
  });
});

Deno.test("bundle() replaces an earlier bundle when asked to, and never anything else", async () => {
  await tinyBundle();
  const output = `${FOLDER}/replaced`;
  await copyFolder(`${FOLDER}/bundle`, output);
  await Deno.writeTextFile(`${output}/server.js`, "old");
  await rejects(bundle({ model: MODEL, output }), (error) => {
    ok(error instanceof FileError);
    match(error.message, /expected a new or empty directory, found "deno.json" in it$/);
    equal(error.hint, "Add --overwrite to replace it");
    return true;
  });
  equal(await Deno.readTextFile(`${output}/server.js`), "old");
  await bundle({ model: MODEL, output, overwrite: true });
  ok((await Deno.stat(`${output}/server.js`)).size > 3);
  for (const place of [MODEL, FOLDER]) {
    const attempt = bundle({ model: MODEL, output: place, overwrite: true });
    await rejects(attempt, /expected an earlier bundle and nothing else, found/);
  }
  ok((await Deno.stat(`${MODEL}/config.json`)).isFile);
});

Deno.test("bundle() leaves nothing behind where the model cannot classify", async () => {
  await tinyBundle();
  const folder = await Deno.makeTempDir();
  await copyFolder(MODEL, `${folder}/model`);
  await Deno.writeTextFile(`${folder}/model/config.json`, "{}");
  const output = `${folder}/never`;
  await rejects(bundle({ model: `${folder}/model`, output }), CheckpointError);
  await rejects(bundle({ model: `${folder}/none`, output }), CheckpointError);
  deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["model"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("bundle() runs from any directory, with the rights that it names", async () => {
  await tinyBundle();
  const source = new URL("../../src/commands/bundle.ts", import.meta.url);
  const config = new URL("../../deno.json", import.meta.url);
  const program = `import { bundle } from ${JSON.stringify(source.href)};
    await bundle({ model: "model", output: "out", log: console.log }).catch((error) => {
      console.log(error.message, "-", error.hint);
    });`;
  await Deno.writeTextFile(`${FOLDER}/program.ts`, program);
  const run = async (...rights: string[]) => {
    const args = ["run", "--no-prompt", "--no-check", "--config", config.pathname, ...rights];
    const options = { args: [...args, "program.ts"], cwd: FOLDER };
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  const files = ["--allow-read=.", "--allow-write=."];
  const refused =
    /^Cannot build with esbuild: Deno was not given access - Allow it with --allow-env --allow-run/;
  match(await run(...files, "--allow-env"), refused);
  match(await run(...files, "--allow-run"), refused);
  match(await run(...files, "--allow-env", "--allow-run"), /^Bundled into out: code \d+\.\d KB/);
});
