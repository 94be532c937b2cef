/**
 * What each command may do: `deno.json` against the registry, every command under exactly its set, and what a set keeps
 * it from.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import {
  COMMANDS,
  PERMISSION_SETS,
  STEADY_PREFIX,
  STEADY_V8_FLAGS,
} from "../../src/commands/registry.ts";
import { useDevice } from "../../src/devices.ts";
import { folderFiles, startHub, TOKEN } from "../hub/hub.ts";
import { saveTinyModel, TINY_LABELS } from "../tiny_model.ts";
import { cli, taskRights, toneFile, withFolder, writeFile, writeTones } from "./_command_line.ts";

const ROOT = join(import.meta.dirname!, "..", "..");
const NAMES = Object.keys(COMMANDS);

Deno.test("deno.json holds the permission sets of the commands, and no other for them", () => {
  const found: Record<string, unknown> = denoJson.permissions;
  for (const [name, set] of Object.entries(PERMISSION_SETS)) deepEqual(found[name], set, name);
  const others = Object.keys(found).filter((name) => !Object.hasOwn(PERMISSION_SETS, name));
  const developers = Object.values(denoJson.tasks).map(({ command }) => command).join("\n");
  for (const name of others) ok(!developers.includes(`-P=${name} cli.ts`), name);
});

Deno.test("deno.json has a task for each command, described as in the registry", () => {
  const tasks: Readonly<Record<string, { description: string; command: string }>> = denoJson.tasks;
  for (const [name, { summary, permissions, runsForDays }] of Object.entries(COMMANDS)) {
    const flags = runsForDays ? `${STEADY_V8_FLAGS} ` : "";
    const variables = runsForDays ? `${STEADY_PREFIX} ` : "";
    deepEqual(tasks[name], {
      description: summary[0]!.toUpperCase() + summary.slice(1),
      command: `${variables}deno run --quiet -P=${permissions} ${flags}cli.ts ${name}`,
    });
  }
});

Deno.test("only commands that use the hub reach it, and no wildcard is wider than the hub", () => {
  const using = NAMES.filter((name) => COMMANDS[name]!.permissions === "hub");
  deepEqual(using, ["train", "login", "push", "pull"]);
  const writing = NAMES.filter((name) => PERMISSION_SETS[COMMANDS[name]!.permissions].write);
  deepEqual(writing, [
    "train",
    "scores",
    "report",
    "detect",
    "embed",
    "serve",
    "export",
    "bundle",
    "login",
    "push",
    "pull",
  ]);
  for (const { net = [], run } of Object.values(PERMISSION_SETS)) {
    const wide = net.filter((host) => host.includes("*"));
    for (const host of wide) match(host, /^\*\.(hf|huggingface)\.co$/);
    for (const program of run ?? []) {
      match(program, /\/node_modules\/@esbuild\/[^/]+\/(bin\/)?esbuild/);
    }
  }
});

/** A small run of each command, after which `files` are there. */
const RUNS: Readonly<Record<string, { args: string[]; files?: string[] }>> = {
  train: {
    args: ["--data", "tones", "--output", "new", "--max-steps", "1", "--threads", "1"],
    files: ["new/config.json"],
  },
  eval: { args: ["--model", "model", "--data", "clips", "--threads", "1"] },
  compare: { args: ["model", "model", "--data", "clips", "--threads", "1"] },
  scores: {
    args: ["--model", "copy", "--data", "words", "--threads", "1"],
    files: ["copy/config.json"],
  },
  data: { args: ["inspect", "tones"] },
  detect: {
    args: ["--model", "model", "clip.wav", "--output", "events", "--format", "parquet"],
    files: ["events/clip.wav.parquet"],
  },
  report: {
    args: ["--model", "model", "--data", "clips", "--report", "page.html", "--threads", "1"],
    files: ["page.html"],
  },
  predict: { args: ["--model", "model", "clip.wav"] },
  embed: { args: ["--model", "model", "--output", "x.jsonl", "clip.wav"], files: ["x.jsonl"] },
  nearest: { args: ["--model", "model", "--in", "x.jsonl", "clip.wav"] },
  export: { args: ["--model", "model", "--output", "q8"], files: ["q8/config.json"] },
  bundle: { args: ["--model", "model", "--output", "service"], files: ["service/server.js"] },
  login: { args: [] },
  push: { args: ["--model", "model", "--repo", "acme/pushed"] },
  pull: { args: ["acme/tiny"] },
  info: { args: ["--model", "model"] },
  doctor: { args: [] },
  parity: { args: ["none"] },
};

/** A folder with what {@linkcode RUNS} names, and a hub with its model. */
async function withThings(
  use: (folder: string, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  await using hub = startHub();
  await withFolder(async (folder) => {
    const device = await useDevice({ backend: "wasm", threads: 1 });
    await saveTinyModel(`${folder}/model`);
    await saveTinyModel(`${folder}/copy`);
    device.dispose();
    hub.addRepository("acme/tiny", await folderFiles(`${folder}/model`));
    await writeTones(`${folder}/tones`);
    for (const label of TINY_LABELS) {
      await writeFile(`${folder}/clips/test/${label}/1.wav`, toneFile("mid"));
    }
    for (const split of ["train", "validation"]) {
      for (const [i, label] of [...TINY_LABELS, ...TINY_LABELS].entries()) {
        await writeFile(`${folder}/words/${split}/${label}/${i}.wav`, toneFile("mid", i));
      }
    }
    await writeFile(`${folder}/clip.wav`, toneFile("mid"));
    const env = { HF_ENDPOINT: hub.url, HF_HOME: `${folder}/home`, HF_TOKEN: TOKEN };
    await use(folder, env);
  });
}

Deno.test("every command but serve does its work with exactly its set", async () => {
  const served = NAMES.filter((name) => !Object.hasOwn(RUNS, name));
  deepEqual(served, ["serve"], "test/commands/serve_test.ts has the other");
  await withThings(async (cwd, env) => {
    for (const [name, { args, files = [] }] of Object.entries(RUNS)) {
      const { code, stdout, stderr } = await cli([name, ...args], { cwd, env });
      const wanted = name === "parity" ? 1 : 0;
      equal(code, wanted, `${name}: ${stdout}${stderr}`);
      for (const file of files) ok((await Deno.stat(`${cwd}/${file}`)).isFile, `${name}: ${file}`);
    }
  });
});

Deno.test("the first line of a task's output is ours", async () => {
  const first = (text: string) => text.split("\n")[0];
  const { stdout, stderr } = await cli(["doctor"]);
  equal(first(stdout), "Versions");
  const raw = new Deno.Command(Deno.execPath(), {
    args: ["run", ...taskRights("predict"), "cli.ts", "predict"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  });
  const printed = new TextDecoder().decode((await raw.output()).stderr);
  match(first(printed)!, /^Cannot predict: expected files/);
  equal(stderr, "");
});

/** Runs a line of a program under a permission set, and gives what it printed. */
async function underSet(name: string, line: string): Promise<string> {
  return await withProgram(line, async (file) => {
    const config = ["--config", join(ROOT, "deno.json")];
    const args = ["run", "--quiet", "--no-prompt", `-P=${name}`, ...config, file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  });
}

async function withProgram(text: string, use: (file: string) => Promise<string>): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, text);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("bundle may start esbuild and nothing else", async () => {
  const start = (program: string) =>
    `try { new Deno.Command(${JSON.stringify(program)}, { args: ["--version"] }).outputSync(); ` +
    `console.log("started") } catch (error) { console.log(error.name) }`;
  for (const program of ["git", "sh", Deno.execPath()]) {
    match(await underSet("bundle", start(program)), /^NotCapable/, program);
  }
  for (const name of ["read", "write", "serve", "hub"]) {
    match(await underSet(name, start("git")), /^NotCapable/, name);
  }
});

Deno.test("what reads writes nothing, and what writes reaches nothing", async () => {
  const attempt = (code: string) =>
    `try { ${code}; console.log("done") } catch (error) { console.log(error.name) }`;
  const write = attempt(`Deno.writeTextFileSync(Deno.makeTempFileSync(), "")`);
  match(await underSet("read", write), /^NotCapable/);
  const ask = attempt(`await fetch("https://huggingface.co")`);
  for (const name of ["read", "write", "serve", "bundle"]) {
    match(await underSet(name, ask), /^NotCapable/, name);
  }
  const variable =
    "console.log(Deno.env.get('PATH'), Object.keys(Deno.env.toObject()).length < 12)";
  equal(await underSet("read", variable), "undefined true\n");
});

Deno.test("a command without permissions says which command to type", async () => {
  for (const args of [["train", "--output", "my model"], ["info"], ["pull", "acme/tiny"]]) {
    const { code, stderr } = await cli(args, { rights: ["--quiet"] });
    equal(code, 2);
    const [line, hint] = stderr.split("\n");
    equal(
      line,
      `Cannot run command "${args[0]}": expected the permissions of its task, found none`,
    );
    match(hint!, /^- Type: (npx --yes )?deno task /);
    ok(hint!.endsWith(args.length > 2 ? "train --output 'my model'" : args.join(" ")));
  }
  const some = await cli(["train"], { rights: ["--quiet", "--allow-read", "--allow-env"] });
  equal(some.code, 2);
  match(some.stderr, /expected the permissions of its task, found some of them missing\n- Type: /);
});

const HAS_TERMINALS = Deno.build.os === "linux" && await hasProgram("script");

async function hasProgram(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "on a terminal a command asks once for each kind of access",
  ignore: !HAS_TERMINALS,
  fn: async () => {
    await withFolder(async (folder) => {
      const clip = `${folder}/clip.wav`;
      await writeFile(clip, toneFile("mid"));
      const line = `"${Deno.execPath()}" run --quiet cli.ts predict "${clip}"`;
      const child = new Deno.Command("script", {
        args: ["-qec", line, "/dev/null"],
        cwd: ROOT,
        stdin: "piped",
        stdout: "piped",
        env: { NO_COLOR: "1" },
      }).spawn();
      const writer = child.stdin.getWriter();
      // Deno throws away what is typed until nothing comes for a tenth of a second, and then reads its answer: one is
      // not enough, and more in quick succession are thrown away for ever.
      const answering = setInterval(() => {
        writer.write(new TextEncoder().encode("y\n")).catch(() => {});
      }, 1000);
      let text = "";
      for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) text += part;
      clearInterval(answering);
      await writer.close().catch(() => {});
      await child.status;
      const asked = Array.from(text.matchAll(/requests (\w+) access/g), ([, kind]) => kind);
      deepEqual(asked, ["read", "env"]);
      match(text, /0\.\d{4} {2}\w+/);
    });
  },
});
