/**
 * The operating system over Node's modules gives what Deno's own calls give.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { nodeEngine, nodeSystem } from "../../src/system/_node.ts";
import { withFolder } from "../commands/_command_line.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

/** Entries in an order that does not depend on the disk. */
async function entries(of: AsyncIterable<{ name: string }>): Promise<{ name: string }[]> {
  return (await Array.fromAsync(of)).sort((a, b) => a.name < b.name ? -1 : 1);
}

Deno.test("nodeSystem lists, describes and reads what Deno wrote", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/inner`);
    await Deno.writeFile(`${folder}/file`, BYTES);
    await Deno.symlink(`${folder}/file`, `${folder}/link`);
    deepEqual(await entries(nodeSystem.readDir(folder)), await entries(Deno.readDir(folder)));
    for (const name of ["inner", "file", "link"]) {
      for (const look of ["stat", "lstat"] as const) {
        const found = await nodeSystem[look](`${folder}/${name}`);
        const { isFile, isDirectory, isSymlink, size, ino } = await Deno[look](`${folder}/${name}`);
        const { isFile: file, isDirectory: directory, isSymlink: link } = found;
        deepEqual([file, directory, link], [isFile, isDirectory, isSymlink]);
        deepEqual([found.size, found.ino], [size, ino]);
      }
    }
    await nodeSystem.writeTextFile(`${folder}/text`, "one");
    await nodeSystem.writeFile(`${folder}/text`, new TextEncoder().encode("two"), { append: true });
    equal(await Deno.readTextFile(`${folder}/text`), "onetwo");
  });
});

Deno.test("nodeSystem.open() reads and writes where it was sought", async () => {
  await withFolder(async (folder) => {
    using file = await nodeSystem.open(`${folder}/file`, { read: true, write: true, create: true });
    equal(await file.write(BYTES), 100);
    file.seekSync(40);
    const piece = new Uint8Array(50);
    equal(await file.read(piece), 50);
    deepEqual(piece, BYTES.subarray(40, 90));
    equal(file.readSync(piece), 10);
    equal(file.readSync(piece), null);
    await file.truncate(7);
    await file.sync();
    deepEqual([file.statSync().size, (await file.stat()).size], [7, 7]);
    await rejects(file.tryLock(), /Node has no locks/);
  });
});

Deno.test("nodeSystem's errors are of the kinds that Deno's are", async () => {
  await withFolder(async (folder) => {
    const { NotFound, AlreadyExists, NotCapable } = nodeSystem.errors;
    const missing = await nodeSystem.open(`${folder}/none`).catch((error: unknown) => error);
    ok(missing instanceof NotFound && !(missing instanceof AlreadyExists));
    ok(!(missing instanceof NotCapable));
    await Deno.writeTextFile(`${folder}/file`, "");
    const there = nodeSystem.open(`${folder}/file`, { write: true, createNew: true });
    ok(await there.catch((error: unknown) => error instanceof AlreadyExists));
    await Deno.mkdir(`${folder}/full/inner`, { recursive: true });
    await rejects(nodeSystem.remove(`${folder}/full`));
    await nodeSystem.remove(`${folder}/full`, { recursive: true });
    await rejects(Deno.stat(`${folder}/full`), Deno.errors.NotFound);
    // Deno has Node's version too.
    equal(nodeEngine.name, "Node");
  });
});
