import { deepEqual, equal, match } from "node:assert/strict";
import { PartsDirectory } from "../../src/commands/_parts_directory.ts";
import { UnwrittenResults } from "../../src/commands/_unwritten_results.ts";
import { FileError } from "../../src/errors.ts";
import { withFolder } from "./_command_line.ts";

/** Has something happen after the first look into a file, before it is known what that found. */
function afterReading(ending: string, happen: () => Promise<unknown>): Disposable {
  const { readTextFile } = Deno;
  Deno.readTextFile = async (path) => {
    if (!String(path).endsWith(ending)) return await readTextFile(path);
    Deno.readTextFile = readTextFile;
    try {
      return await readTextFile(path);
    } finally {
      await happen();
    }
  };
  return { [Symbol.dispose]: () => Deno.readTextFile = readTextFile };
}

Deno.test("PartsDirectory.open() gives a new directory to the first of two jobs that begin at a time", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/events`;
    const open = (job: string) => PartsDirectory.open(path, ".csv", { job });
    for (const [second, isRefused] of [["a", false], ["b", true]] as const) {
      await Deno.remove(path, { recursive: true }).catch(() => {});
      using _ = afterReading("detect.json", () => open("a"));
      const refusal = await open(second).then(() => undefined, (error) => error);
      equal(refusal !== undefined, isRefused);
      if (!isRefused) continue;
      equal(refusal instanceof FileError && !(refusal instanceof UnwrittenResults), true);
      match(refusal.message, /^Cannot add to ".*": .* found others: "job": "a"$/);
    }
    deepEqual(JSON.parse(await Deno.readTextFile(`${path}/detect.json`)), { job: "a" });
    deepEqual(Array.from(Deno.readDirSync(path), ({ name }) => name), ["detect.json"]);
  });
});
