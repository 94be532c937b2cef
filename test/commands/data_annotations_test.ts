import { deepEqual, equal, match } from "node:assert/strict";
import { encodeWav } from "../../src/audio/mod.ts";
import { cli, cliOk, withFolder, writeFile } from "./_command_line.ts";

Deno.test("data inspect prints what annotations say, and what is wrong with them", async () => {
  await withFolder(async (folder) => {
    const silence = encodeWav(new Float32Array(8_000 * 10), 8_000);
    await writeFile(`${folder}/nights/a.wav`, silence);
    await writeFile(`${folder}/nights/b.wav`, silence);
    await Deno.writeTextFile(`${folder}/nights/a.txt`, "1\t2\tdog\n5\t4\tdog\n9\t11\tcat\n");
    const args = ["data", "inspect", "nights", "--annotations", "nights"];
    const { stdout } = await cliOk(args, { cwd: folder });
    match(stdout, /1 recording with annotations, 10/);
    match(stdout, /^dog +1 +1 /m);
    match(stdout, /^1 row that ends before it begins:\n {2}Cannot read .*a\.txt", line 2/m);
    match(stdout, /^1 label beyond the end:\n {2}a\.wav: "cat" at 9 to 11 s/m);
    match(stdout, /^1 recording without annotations:\n {2}b\.wav$/m);
    const json = JSON.parse((await cliOk([...args, "--json"], { cwd: folder })).stdout);
    deepEqual([json.recordings, json.unlabelled], [1, ["b.wav"]]);
  });
});

Deno.test("data inspect compares labels with those of a model", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/a.wav`, encodeWav(new Float32Array(80_000), 8_000));
    await Deno.writeTextFile(`${folder}/a.txt`, "1\t2\tdog\n3\t4\tcat\n");
    await writeFile(
      `${folder}/model/config.json`,
      new TextEncoder().encode('{"id2label": {"0": "dog"}}'),
    );
    const args = ["data", "inspect", ".", "--annotations", "a.txt", "--model", "model"];
    const { stdout } = await cliOk(args, { cwd: folder });
    match(stdout, /^1 label that the model does not know:\n {2}a\.wav: "cat" at 3 to 4 s/m);
    const { code, stderr } = await cli(["data", "inspect", ".", "--model", "model"], {
      cwd: folder,
    });
    equal(code !== 0, true);
    match(stderr, /"--model": expected "--annotations" with it/);
  });
});
