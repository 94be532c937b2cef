/**
 * The published files alone, as users get them: every command, and the programs of the README.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import denoJson from "../deno.json" with { type: "json" };
import { COMMANDS } from "../src/commands/registry.ts";
import { useDevice } from "../src/devices.ts";
import { toneFile, withFolder, writeFile, writeTones } from "./commands/_command_line.ts";
import { folderFiles, startHub, TOKEN } from "./hub/hub.ts";
import {
  type DenoOptions,
  type Printed,
  publishedFiles,
  runDeno,
  servePublished,
  unpackPublished,
} from "./published.ts";
import { saveTinyModel } from "./tiny_model.ts";

const ROOT = join(import.meta.dirname!, "..");

/** Deno's own cache, where the packages of npm are already. */
const { npmCache }: { npmCache: string } = JSON.parse(
  (await runDeno(["info", "--json"], { cwd: Deno.cwd() })).stdout,
);

/** A place where the package was installed. */
interface Installed extends AsyncDisposable {
  /** Runs deno in a project that has it. */
  run(args: string[], options?: Partial<DenoOptions>): Promise<Printed>;
  /** Arguments of `deno run` that start the command line. */
  cli: string[];
  env: Record<string, string>;
  /** Arguments of `deno run` for a program that imports `@earshot/earshot`. */
  imports: string[];
  /** The same for one that reads files beside it, and does nothing else. */
  rights: string[];
  /** The files that were fetched; undefined where none are. */
  requested?: Set<string>;
}

const PLAIN = ["--no-lock", "--no-prompt"];

/** Over HTTP, with a cache of its own that begins empty but for the packages of npm. */
async function overHttp(folder: string): Promise<Installed> {
  const server = await servePublished(await publishedFiles());
  const DENO_DIR = join(folder, "deno");
  await Deno.mkdir(DENO_DIR);
  await Deno.symlink(npmCache, join(DENO_DIR, "npm"), { type: "junction" });
  const env = { DENO_DIR, HF_HOME: join(folder, "home") };
  const imports = { [denoJson.name]: `${server.url}mod.ts` };
  await Deno.writeTextFile(join(folder, "imports.json"), JSON.stringify({ imports }));
  return {
    run: (args, options) =>
      runDeno(args, { cwd: folder, ...options, env: { ...env, ...options?.env } }),
    env,
    cli: ["-A", ...PLAIN, `${server.url}cli.ts`],
    imports: [...PLAIN, "--import-map=imports.json"],
    rights: [
      ...PLAIN,
      "--import-map=imports.json",
      "--allow-read=.",
      `--allow-import=${new URL(server.url).host}`,
    ],
    requested: server.requested,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function belowNodeModules(folder: string): Promise<Installed> {
  const unpacked = await unpackPublished(await publishedFiles(), folder);
  const env = { HF_HOME: join(folder, "home") };
  return {
    run: (args, options) =>
      runDeno(args, { cwd: folder, ...options, env: { ...env, ...options?.env } }),
    env,
    cli: ["-A", ...PLAIN, join(unpacked, "cli.js")],
    imports: PLAIN,
    rights: [...PLAIN, "--allow-read=."],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const PLACES = { "over HTTP": overHttp, "below node_modules": belowNodeModules };

/** Clips of each class; so many that training reads them in a worker. */
const MANY_CLIPS = { train: 100, test: 1 };

/** A command line, and what it must print. */
type Call = readonly [args: string[], expected: RegExp, options?: Partial<DenoOptions>];

/** A call of each command, in an order in which each finds what it needs. */
function callsOf(env: Record<string, string>): Call[] {
  const quick = ["--threads", "1", "--num-train-epochs", "1", "--max-steps", "3"];
  const hub = { env };
  const clip = "tones/test/high/0.wav";
  return [
    [["doctor"], /WASM/],
    [
      ["train", "--data", "tones", "--backend", "wasm", ...quick, "--output", "model"],
      /deno run -A jsr:@earshot\/earshot\/cli predict/,
    ],
    [["eval", "--model", "model", "--data", "tones"], /accuracy/i],
    [["compare", "model", "model"], /no difference was seen/],
    [["report", "--model", "model", "--data", "tones"], /report\.html/],
    [["scores", "--model", "model", "--data", "tones"], /^Temperature \d/m],
    [["data", "inspect", "tones"], /^train +300 /m],
    [["info"], /wav2vec2/i],
    [["predict", clip], /^ {2}\d\.\d{4} {2}\w+$/m],
    [["embed", "--output", "clips.parquet", clip], /^1 vectors of \d+ numbers/m],
    [["nearest", "--in", "clips.parquet", clip], /^ {2}1\.0000 {2}/m],
    [
      ["detect", clip, "--raw-scores", "--threshold", "0", "--format", "csv"],
      /^file,start,end,label,score$/m,
    ],
    [["export", "--model", "model", "--output", "q8", "--dtype", "q8"], /q8/],
    [["bundle", "--output", "service"], /^Bundled into service/],
    [["parity", join(ROOT, "test", "golden", "wav2vec2-group")], /wav2vec2-group/],
    [["login"], /^Logged in as acme/, { ...hub, stdin: new TextEncoder().encode(TOKEN) }],
    [["push", "--model", "model", "--repo", "acme/tones"], /acme\/tones/, hub],
    [["pull", "acme/tones", "--output", "pulled"], /pulled/, hub],
  ];
}

/** Starts `serve`, and ends it when it has answered a clip. */
async function expectServe(installed: Installed): Promise<void> {
  let answer: Promise<string> | undefined;
  const printed = await installed.run(["run", ...installed.cli, "serve", "--port", "0"], {
    onOutput: (text, child) => {
      const [, url] = text.match(/ on (http:\S+)\n/) ?? [];
      if (!url || answer) return;
      answer = fetch(url, { method: "POST", body: toneFile("high").slice() })
        .then((response) => response.text()).finally(() => child.kill());
    },
  });
  assert.ok(answer, `serve did not start\n${printed.stdout}${printed.stderr}`);
  assert.match(await answer, /^\[\{"label":"\w+","score":0\.\d+\}/);
}

/** Has the bundle answer a clip, without the package that made it; its thread keeps the process until that is ended. */
async function expectBundle(folder: string): Promise<void> {
  const program = `const { default: app } = await import("./server.js");
    const body = await Deno.readFile("../tones/test/high/0.wav");
    const answer = await app.fetch(new Request("http://localhost/", { method: "POST", body }));
    console.log(await answer.text());
    Deno.exit();`;
  const cwd = join(folder, "service");
  await Deno.writeTextFile(join(cwd, "ask.ts"), program);
  const { stdout, stderr } = await runDeno(["run", "--no-lock", "--allow-read=..", "ask.ts"], {
    cwd,
  });
  assert.match(stdout, /^\[\{"label":"\w+","score":0\.\d+\}/, stderr);
}

for (const [where, install] of Object.entries(PLACES)) {
  Deno.test(`the published files run every command ${where}`, async () => {
    await withFolder(async (folder) => {
      await using installed = await install(folder);
      await using hub = startHub();
      await writeTones(join(folder, "tones"), MANY_CLIPS);
      const calls = callsOf({ HF_ENDPOINT: hub.url });
      for (const [args, expected, options] of calls) {
        const printed = await installed.run(["run", ...installed.cli, ...args], options);
        const { code, stdout, stderr } = printed;
        assert.equal(code, 0, `earshot ${args.join(" ")}\n${stdout}${stderr}`);
        assert.match(stdout + stderr, expected);
      }
      // Without its worker, training would read on its own thread and say nothing.
      const worker = "src/data/_reading_worker.ts";
      assert.ok(installed.requested?.has(worker) ?? true, `${worker} was not started`);
      await expectBundle(folder);
      await expectServe(installed);
      const ran = new Set([...calls.map(([[name]]) => name!), "serve"]);
      assert.deepEqual([...ran].sort(), Object.keys(COMMANDS).sort());
    });
  });

  Deno.test(`the programs of README run ${where}`, async () => {
    await withFolder(async (folder) => {
      await using installed = await install(folder);
      await using hub = startHub();
      const id = "superb/wav2vec2-base-superb-ks";
      hub.addRepository(id, await tinyFiles(join(folder, "tiny"), 16_000));
      await writeFile(join(folder, "recording.wav"), toneFile("high"));
      const [classify, load] = await readmePrograms();
      await Deno.writeTextFile(join(folder, "classify.ts"), classify!);
      const first = await installed.run(["run", ...installed.rights, "classify.ts"]);
      assert.match(first.stdout, /label: "\w+", score: 0\.\d+/, first.stderr);
      await Deno.writeTextFile(join(folder, "load.ts"), load!);
      const env = { HF_ENDPOINT: hub.url };
      const second = await installed.run(["run", "-A", ...installed.imports, "load.ts"], { env });
      assert.match(second.stdout, /^wav2vec2 5 Float32Array\(5\) \[/, second.stderr);
    });
  });
}

async function readmePrograms(): Promise<string[]> {
  const readme = await Deno.readTextFile(join(ROOT, "README.md"));
  const blocks = readme.matchAll(/^```ts[^\n]*\n(.*?)^```$/gms);
  return Array.from(blocks, ([, program]) => program!);
}

/** The files of the tiny model, for audio of another rate. */
async function tinyFiles(
  folder: string,
  samplingRate: number,
): Promise<Record<string, Uint8Array>> {
  await useDevice({ backend: "wasm", threads: 1 });
  await saveTinyModel(folder);
  const name = "preprocessor_config.json";
  const config = JSON.parse(await Deno.readTextFile(join(folder, name)));
  const text = JSON.stringify({ ...config, sampling_rate: samplingRate });
  await Deno.writeTextFile(join(folder, name), text);
  return await folderFiles(folder);
}

Deno.test("deno install -g makes the command earshot", async () => {
  await withFolder(async (folder) => {
    await using installed = await overHttp(folder);
    const [script] = installed.cli.slice(-1);
    const install = ["install", "-gA", "-n", "earshot", "--root", folder, "--no-lock", script!];
    const { code, stderr } = await installed.run(install);
    assert.equal(code, 0, stderr);
    const earshot = join(folder, "bin", Deno.build.os === "windows" ? "earshot.cmd" : "earshot");
    const { stdout } = await new Deno.Command(earshot, {
      args: ["--version"],
      cwd: folder,
      env: installed.env,
    }).output();
    assert.match(
      new TextDecoder().decode(stdout),
      new RegExp(`^earshot ${denoJson.version}, deno`),
    );
  });
});

for (
  const [what, argument, classes, module] of [
    ["the default model", "undefined", 14, "_files"],
    ["the backbone", '"backbone"', 60, "_backbone_files"],
  ] as const
) {
  Deno.test(`${what} is fetched when it is used, once, and then works offline`, async () => {
    await withFolder(async (folder) => {
      const installed = await overHttp(folder);
      const { run, requested } = installed;
      await Deno.writeTextFile(
        join(folder, "program.ts"),
        `import { pipeline } from "${denoJson.name}";
        if (Deno.args.length > 0) {
          console.log((await pipeline("audio-classification", ${argument})).labels.length);
        }`,
      );
      const start = ["run", ...installed.rights];
      assert.equal((await run([...start, "program.ts"])).code, 0);
      const isModel = (file: string) => file.startsWith("src/default_model/_");
      assert.deepEqual([...requested!].filter(isModel), []);
      const used = await run([...start, "program.ts", "use"]);
      assert.equal(used.stdout, `${classes}\n`, used.stderr);
      assert.deepEqual([...requested!].filter(isModel), [`src/default_model/${module}.ts`]);
      await installed[Symbol.asyncDispose]();
      const offline = await run([...start, "--cached-only", "program.ts", "use"]);
      assert.equal(offline.stdout, `${classes}\n`, offline.stderr);
    });
  });
}

Deno.test("what is published is code and documents, below the registry's limit", async () => {
  const files = await publishedFiles();
  const wanted = ["mod.ts", "cli.ts", "deno.json", "LICENSE", "README.md", "docs/guide.md"];
  for (const file of [...wanted, ...Object.values(denoJson.exports)]) {
    assert.ok(files.includes(file.replace("./", "")), `${file} is not published`);
  }
  const strangers = files.filter((file) =>
    !/^(src|edge|docs)\/|^[^/.]+\.\w+$|^LICENSE$/.test(file)
  );
  assert.deepEqual(strangers, []);
  const sizes = await Promise.all(files.map((file) => Deno.stat(join(ROOT, file))));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  assert.ok(total < 20 * 2 ** 20 / 2, `${total} bytes are published`);
});
