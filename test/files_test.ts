/**
 * The local file system: sources, listings and atomic writes, also when something goes wrong.
 *
 * @module
 */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { FileError } from "../src/errors.ts";
import {
  createFileAtomic,
  directoryFiles,
  entryIfThere,
  expectWritable,
  fileSource,
  listFolder,
  makeDirectory,
  writeDirectoryAtomic,
  writeFileAtomic,
} from "../src/files.ts";
import { writeToFullDisk } from "./full_disk.ts";

/** Runs a test in a folder of its own, which goes away with it. */
function folderTest(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "earshot-files-" });
      try {
        await fn(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

folderTest("fileSource() reads ranges, also many at once", async (folder) => {
  const path = `${folder}/numbers`;
  const content = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251);
  await Deno.writeFile(path, content);
  using source = await fileSource(path);
  deepEqual([source.name, source.sizeBytes], [path, 5_000]);
  const starts = Array.from({ length: 50 }, (_, i) => (i * 1_777) % 4_000);
  const parts = await Promise.all(starts.map((start) => source.read(start, start + 1_000)));
  parts.forEach((part, i) => deepEqual(part, content.slice(starts[i], starts[i]! + 1_000)));
  deepEqual(await source.read(5_000, 5_000), new Uint8Array(0));
});

folderTest("fileSource() names the file when bytes are missing", async (folder) => {
  const path = `${folder}/short`;
  await Deno.writeFile(path, new Uint8Array(10));
  using source = await fileSource(path);
  const message = `Cannot read "${path}": expected bytes 4 to 20, found 6 of them`;
  await rejects(source.read(4, 20), { name: "FileError", message, file: path });
  await rejects(source.read(4, 2), RangeError);
  await rejects(source.read(-1, 2), RangeError);
});

folderTest("fileSource() refuses what is not a file", async (folder) => {
  await rejects(fileSource(folder), {
    name: "FileError",
    message: /expected a file, found a folder/,
  });
  const pipe = `${folder}/pipe`;
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  await rejects(fileSource(pipe), { name: "FileError", message: /expected a file, found a pipe/ });
  const missing = `${folder}/missing`;
  const message = `Cannot open "${missing}": no such file or folder`;
  await rejects(fileSource(missing), { name: "FileError", message, code: "ENOENT" });
});

folderTest(
  "fileSource() keeps to the file it opened when another takes its name",
  async (folder) => {
    const path = `${folder}/weights`;
    await Deno.writeFile(path, bytes("first"));
    using source = await fileSource(path);
    await writeFileAtomic(path, [bytes("other")]);
    deepEqual(await source.read(0, 5), bytes("first"));
    source.close();
    source.close();
  },
);

folderTest(
  "directoryFiles() opens by name and says undefined for what is not there",
  async (folder) => {
    await Deno.mkdir(`${folder}/model/onnx`, { recursive: true });
    await Deno.writeFile(`${folder}/model/onnx/a`, bytes("inner"));
    await Deno.writeFile(`${folder}/secret`, bytes("outer"));
    await Deno.symlink(`${folder}/secret`, `${folder}/model/linked`);
    const files = directoryFiles(`${folder}/model`);
    for (const [name, content] of [["onnx/a", "inner"], ["linked", "outer"]] as const) {
      const source = await files.open(name);
      deepEqual(await source!.read(0, 5), bytes(content));
      source!.close!();
    }
    equal(await files.open("missing"), undefined);
    await rejects(files.open("onnx"), FileError);
  },
);

folderTest("directoryFiles() refuses names that lead out of the directory", async (folder) => {
  const files = directoryFiles(folder);
  for (const name of ["../x", "a/../../x", "/etc/passwd", "..", "a\\..\\x", "C:\\x", ""]) {
    await rejects(
      files.open(name),
      { name: "RangeError", message: /expected a name inside/ },
      name,
    );
  }
});

folderTest("listFolder() sorts, hides dot files and follows links", async (folder) => {
  for (const name of ["b", "a", ".git"]) await Deno.mkdir(`${folder}/${name}`);
  for (const name of ["10.wav", "2.wav", ".DS_Store"]) {
    await Deno.writeFile(`${folder}/${name}`, bytes(""));
  }
  await Deno.symlink(`${folder}/a`, `${folder}/to-a`);
  await Deno.symlink(`${folder}/nowhere`, `${folder}/broken`);
  const listing = await listFolder(folder);
  deepEqual(listing, { files: ["10.wav", "2.wav", "broken"], folders: ["a", "b", "to-a"] });
  await rejects(listFolder(`${folder}/nowhere`), { name: "FileError", code: "ENOENT" });
});

folderTest("writeFileAtomic() leaves the file and nothing else", async (folder) => {
  const path = `${folder}/state.json`;
  await writeFileAtomic(path, [bytes("one")]);
  await writeFileAtomic(path, [bytes("two "), bytes("three")]);
  equal(await Deno.readTextFile(path), "two three");
  deepEqual(namesIn(folder), ["state.json"]);
});

folderTest("writeFileAtomic() keeps the old content when the chunks fail", async (folder) => {
  const path = `${folder}/state.json`;
  await writeFileAtomic(path, [bytes("old")]);
  function* chunks() {
    yield bytes("new");
    deepEqual(namesIn(folder).length, 2);
    throw new SyntaxError("no more");
  }
  await rejects(writeFileAtomic(path, chunks()), /no more/);
  equal(await Deno.readTextFile(path), "old");
  deepEqual(namesIn(folder), ["state.json"]);
});

folderTest(
  "createFileAtomic() lets one of several write a file, and leaves what is there",
  async (folder) => {
    const path = `${folder}/claim`;
    const texts = ["a", "b", "c", "d"];
    const written = await Promise.all(texts.map((text) => createFileAtomic(path, [bytes(text)])));
    deepEqual(written.filter(Boolean).length, 1);
    deepEqual(await Deno.readTextFile(path), texts[written.indexOf(true)]);
    deepEqual(await createFileAtomic(path, [bytes("late")]), false);
    deepEqual(namesIn(folder), ["claim"]);
    const missing = `${folder}/none/claim`;
    await rejects(createFileAtomic(missing, [bytes("x")]), { name: "FileError", file: missing });
  },
);

folderTest("writeFileAtomic() names the file that it cannot write", async (folder) => {
  const path = `${folder}/missing/state.json`;
  const message = `Cannot write "${path}": no such file or folder`;
  await rejects(writeFileAtomic(path, [bytes("x")]), { name: "FileError", message, file: path });
  await rejects(writeFileAtomic(folder, [bytes("x")]), { name: "FileError", file: folder });
});

folderTest(
  "makeDirectory() makes what is missing, and names what it cannot make",
  async (folder) => {
    const path = `${folder}/runs/first`;
    await makeDirectory(path);
    await Deno.writeTextFile(`${path}/log`, "");
    await makeDirectory(path);
    deepEqual(namesIn(path), ["log"]);
    const below = `${path}/log/second`;
    const message = `Cannot make directory "${below}": part of the path is not a folder`;
    await rejects(makeDirectory(below), { name: "FileError", message, file: below });
  },
);

folderTest("writeDirectoryAtomic() shows the directory only when it is whole", async (folder) => {
  const path = `${folder}/runs/first`;
  await writeDirectoryAtomic(`${path}/`, async (inner) => {
    await Deno.mkdir(`${inner}/deep`);
    await Deno.writeTextFile(`${inner}/deep/config.json`, "{}");
    deepEqual(namesIn(`${folder}/runs`).map((name) => name.slice(0, 11)), [".first.tmp-"]);
  });
  equal(await Deno.readTextFile(`${path}/deep/config.json`), "{}");
  deepEqual(namesIn(`${folder}/runs`), ["first"]);
});

folderTest("writeDirectoryAtomic() removes what a failure left", async (folder) => {
  const failing = async (inner: string) => {
    await Deno.writeTextFile(`${inner}/half`, "half");
    throw new SyntaxError("no more");
  };
  await rejects(writeDirectoryAtomic(`${folder}/model`, failing), /no more/);
  deepEqual(namesIn(folder), []);
  await writeDirectoryAtomic(`${folder}/model`, (inner) => Deno.writeTextFile(`${inner}/a`, "old"));
  await rejects(writeDirectoryAtomic(`${folder}/model`, failing, { replace: true }), /no more/);
  deepEqual([namesIn(folder), namesIn(`${folder}/model`)], [["model"], ["a"]]);
});

folderTest(
  "writeDirectoryAtomic() refuses a directory that is there, before it works",
  async (folder) => {
    const path = `${folder}/model`;
    await Deno.mkdir(path);
    await writeDirectoryAtomic(path, (inner) => Deno.writeTextFile(`${inner}/a`, "old"));
    let filled = false;
    const fill = () => Promise.resolve(void (filled = true));
    const message = `Cannot write "${path}": it is there already`;
    await rejects(writeDirectoryAtomic(path, fill), { name: "FileError", message, code: "EEXIST" });
    await rejects(writeDirectoryAtomic(`${path}/a`, fill), { name: "FileError", code: "EEXIST" });
    await rejects(writeDirectoryAtomic(`${path}/a`, fill, { replace: true }), FileError);
    deepEqual([filled, namesIn(folder), namesIn(path)], [false, ["model"], ["a"]]);
  },
);

folderTest(
  "writeDirectoryAtomic() does not replace what appeared while it worked",
  async (folder) => {
    const path = `${folder}/model`;
    const fill = async (inner: string) => {
      await Deno.writeTextFile(`${inner}/late`, "");
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/early`, "");
    };
    await rejects(writeDirectoryAtomic(path, fill), { name: "FileError", file: path });
    deepEqual([namesIn(folder), namesIn(path)], [["model"], ["early"]]);
  },
);

folderTest("writeDirectoryAtomic() replaces a directory when asked to", async (folder) => {
  const path = `${folder}/model`;
  for (const name of ["old", "new"]) {
    const fill = (inner: string) => Deno.writeTextFile(`${inner}/${name}`, name);
    await writeDirectoryAtomic(path, fill, { replace: true });
  }
  deepEqual([namesIn(folder), namesIn(path)], [["model"], ["new"]]);
});

folderTest("a full disk is named, and nothing stays behind", async (folder) => {
  const path = `${folder}/model`;
  const message = `Cannot write "${path}": the disk is full`;
  const isFull = { name: "FileError", message, code: "ENOSPC", file: path };
  await rejects(writeDirectoryAtomic(path, () => Promise.resolve().then(writeToFullDisk)), isFull);
  const within = `${path}/weights`;
  const fill = (inner: string) =>
    writeDirectoryAtomic(`${inner}/weights`, () => Promise.resolve().then(writeToFullDisk));
  const namesFinal = {
    ...isFull,
    message: `Cannot write "${within}": the disk is full`,
    file: within,
  };
  await rejects(writeDirectoryAtomic(path, fill), namesFinal);
  deepEqual(namesIn(folder), []);
});

folderTest("access that Deno was not given has an error of its own", async (folder) => {
  const script = `import { fileSource, writeFileAtomic } from "${new URL(
    "../src/files.ts",
    import.meta.url,
  )}";
    const say = (error) => console.log(error.name, error.message, error.hint);
    await fileSource("${folder}/x").catch(say);
    await writeFileAtomic("${folder}/x", []).catch(say);`;
  await Deno.writeTextFile(`${folder}/script.js`, script);
  const args = ["run", "--no-prompt", "--no-lock", `${folder}/script.js`];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  deepEqual(new TextDecoder().decode(stdout).trim().split("\n"), [
    `FileError Cannot open "${folder}/x": Deno was not given access Allow it with --allow-read`,
    `FileError Cannot write "${folder}/x": Deno was not given access Allow it with --allow-write`,
  ]);
});

folderTest("expectWritable() names what is in the way, and leaves nothing", async (folder) => {
  await Deno.writeTextFile(`${folder}/old.html`, "old");
  await expectWritable(`${folder}/old.html`);
  await expectWritable(`${folder}/new.html`);
  deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["old.html"]);
  equal(await Deno.readTextFile(`${folder}/old.html`), "old");
  await rejects(expectWritable(folder), { code: "EISDIR" });
  await rejects(expectWritable(`${folder}/none/x`), { name: "FileError", code: "ENOENT" });
});

Deno.test("entryIfThere() finds a file or nothing while it comes and goes", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/entry`;
  let isOver = false;
  const coming = (async () => {
    while (!isOver) {
      await Deno.writeTextFile(path, "");
      await Deno.remove(path);
    }
  })();
  for (let i = 0; i < 3_000; i++) {
    const found = await entryIfThere(path);
    equal(found?.isFile ?? true, true);
  }
  isOver = true;
  await coming;
  await Deno.symlink(`${folder}/nothing`, path);
  await rejects(entryIfThere(path), FileError);
  await Deno.remove(folder, { recursive: true });
});
