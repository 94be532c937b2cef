/**
 * One run at a time in a directory, nothing left of killed ones, and an old model that is whole until the new one is.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { FileToWrite } from "../../../src/files.ts";
import { OutputDirectory } from "../../../src/train/checkpoints/output_directory.ts";

const MODULE = new URL("../../../src/train/checkpoints/output_directory.ts", import.meta.url);

function directoryTest(name: string, body: (directory: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const directory = await Deno.makeTempDir({ prefix: "earshot-output-" });
    try {
      await body(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

function file(name: string, text: string): FileToWrite {
  return { name, chunks: () => [new TextEncoder().encode(text)] };
}

/** Names and texts of the files of a folder. */
function contentOf(folder: string): Record<string, string> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  return Object.fromEntries(
    names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]),
  );
}

directoryTest("OutputDirectory.take() says who holds a directory", async (directory) => {
  const path = `${directory}/runs/first`;
  {
    await using _held = await OutputDirectory.take(path);
    await rejects(OutputDirectory.take(path), ({ name, code, message, hint }) => {
      deepEqual([name, code], ["FileError", "EBUSY"]);
      match(hint, /another `outputDir`/);
      const who = new RegExp(`found process ${Deno.pid}( on .+)? in it since 20..-`);
      if (Deno.build.os !== "windows") match(message, who);
      return true;
    });
  }
  deepEqual(contentOf(path), {});
  await using _again = await OutputDirectory.take(path);
});

directoryTest("a killed process does not keep its lock", async (directory) => {
  const script = `const { OutputDirectory } = await import(${JSON.stringify(MODULE.href)});` +
    `await OutputDirectory.take(${JSON.stringify(directory)});` +
    "console.log('taken'); setInterval(() => {}, 1e6);";
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = holder.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const reader = holder.stdout.getReader();
  equal(new TextDecoder().decode((await reader.read()).value).trim(), "taken");
  await rejects(OutputDirectory.take(directory), { code: "EBUSY" });
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  ok((await Deno.stat(`${directory}/.earshot.lock`)).isFile);
  await (await OutputDirectory.take(directory))[Symbol.asyncDispose]();
  deepEqual(contentOf(directory), {});
});

directoryTest("OutputDirectory.take() removes what killed runs were writing", async (directory) => {
  await Deno.mkdir(`${directory}/.checkpoint-3.tmp-0123abcd`);
  await Deno.writeTextFile(`${directory}/.checkpoint-3.tmp-0123abcd/model.safetensors`, "half");
  await Deno.writeTextFile(`${directory}/.config.json.tmp-89abcdef`, "{");
  await Deno.mkdir(`${directory}/..earshot-change.tmp-89abcdef`);
  for (const name of ["checkpoint-6", ".checkpoint-6.old-0123abcd", ".checkpoint-9.old-0123abcd"]) {
    await Deno.mkdir(`${directory}/${name}`);
  }
  await Deno.writeTextFile(`${directory}/.own`, "kept");
  await using _held = await OutputDirectory.take(directory);
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
  deepEqual(names, [".earshot.lock", ".own", "checkpoint-6", "checkpoint-9"]);
});

const OLD = { "config.json": "old", "model.safetensors": "old", "report.html": "old" };
const NEW = [file("model.safetensors", "new"), file("config.json", "new"), file("log", "new")];

async function oldModelIn(directory: string): Promise<void> {
  for (const [name, text] of Object.entries(OLD)) {
    await Deno.writeTextFile(`${directory}/${name}`, text);
  }
}

directoryTest("replaceModel() puts all files down and takes stale ones away", async (directory) => {
  await oldModelIn(directory);
  {
    await using output = await OutputDirectory.take(directory);
    await output.replaceModel(NEW, ["report.html", "never there"]);
  }
  deepEqual(contentOf(directory), {
    "config.json": "new",
    log: "new",
    "model.safetensors": "new",
  });
});

directoryTest("replaceModel() leaves the old model whole where it fails", async (directory) => {
  await oldModelIn(directory);
  await using output = await OutputDirectory.take(directory);
  const failing: FileToWrite = {
    name: "config.json",
    chunks: () => {
      throw new RangeError("Cannot go on");
    },
  };
  await rejects(output.replaceModel([NEW[0]!, failing], ["report.html"]), /Cannot go on/);
  const { ".earshot.lock": _, ...content } = contentOf(directory);
  deepEqual(content, OLD);
});

directoryTest(
  "a decided change is finished by the next owner, wherever it stopped",
  async (directory) => {
    const whole = { "config.json": "new", log: "new", "model.safetensors": "new" };
    // The places where a process can be killed: before and after each removal and rename.
    for (let stopAt = 0; stopAt <= 5; stopAt++) {
      const path = `${directory}/${stopAt}`;
      const change = `${path}/.earshot-change`;
      await Deno.mkdir(change, { recursive: true });
      await oldModelIn(path);
      for (const name of ["model.safetensors", "config.json", "log"]) {
        await Deno.writeTextFile(`${change}/${name}`, "new");
      }
      const stale = JSON.stringify({ stale: ["report.html"] });
      await Deno.writeTextFile(`${change}/.stale.json`, stale);
      const steps = [
        () => Deno.remove(`${path}/config.json`),
        () => Deno.remove(`${path}/report.html`),
        () => Deno.remove(`${change}/.stale.json`),
        () => Deno.rename(`${change}/log`, `${path}/log`),
        () => Deno.rename(`${change}/model.safetensors`, `${path}/model.safetensors`),
      ];
      for (const step of steps.slice(0, stopAt)) await step();
      await (await OutputDirectory.take(path))[Symbol.asyncDispose]();
      deepEqual(contentOf(path), whole, `stopped after ${stopAt} steps`);
    }
  },
);
