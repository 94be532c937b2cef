import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { COMMANDS } from "../src/commands/registry.ts";
import { cli, cliOk, withFolder } from "./commands/_command_line.ts";

Deno.test("cli.ts lists its commands and ends with 2 when it is given none", async () => {
  const { code, stdout, stderr } = await cli([]);
  equal(code, 2);
  equal(stdout, "");
  for (const name of Object.keys(COMMANDS)) match(stderr, new RegExp(`^  ${name} `, "m"));
});

Deno.test("cli.ts --help lists its commands, --version shows versions", async () => {
  const help = await cliOk(["--help"]);
  for (const name of Object.keys(COMMANDS)) match(help.stdout, new RegExp(`^  ${name} `, "m"));
  match((await cliOk(["--version"])).stdout, /^earshot \d+\.\d+\.\d+, deno \d+/);
});

Deno.test("cli.ts shows options and examples of every command", async () => {
  const names = Object.keys(COMMANDS);
  const helps = await Promise.all(names.map((name) => cliOk([name, "--help"])));
  for (const [i, name] of names.entries()) {
    match(helps[i]!.stdout, new RegExp(`^(npx --yes )?deno task ${name}\\b`));
    match(helps[i]!.stdout, /^ {2}--json {2,}\S/m);
    match(helps[i]!.stdout, new RegExp(`Examples:\\n  (npx --yes )?deno task ${name}\\b`));
  }
});

Deno.test("cli.ts names an unknown command, the known ones and the nearest", async () => {
  const { code, stderr } = await cli(["trian"]);
  equal(code, 2);
  deepEqual(stderr.trimEnd().split("\n"), [
    `Cannot run command "trian": expected one of ${Object.keys(COMMANDS).join(", ")}`,
    "- Did you mean train?",
  ]);
});

Deno.test("cli.ts names an unknown argument and the nearest, and ends with 2", async () => {
  const { code, stderr } = await cli(["train", "--learning-rat", "1"]);
  equal(code, 2);
  equal(
    stderr,
    'Cannot use argument "--learning-rat": there is none of that name\n' +
      "- Did you mean --learning-rate?\n",
  );
});

Deno.test("cli.ts shows where an error came from only with --verbose", async () => {
  const brief = await cli(["train", "--data", "nowhere"]);
  equal(brief.code, 1);
  doesNotMatch(brief.stderr, /^\s+at /m);
  const { code, stderr } = await cli(["train", "--data", "nowhere", "--verbose"]);
  equal(code, 1);
  match(stderr, /^\s+at .*load_dataset\.ts/m);
});

Deno.test("a task takes paths from where it was typed", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/clip.wav`, "no audio");
    const { code, stderr } = await cli(["predict", "clip.wav", "--model", "."], {
      env: { INIT_CWD: folder },
    });
    equal(code, 1);
    match(stderr, /^Cannot read "\.\/config\.json"/);
  });
});
