import { equal, match } from "node:assert/strict";
import { table } from "../../src/commands/_output.ts";
import { onOneLine, printable } from "../../src/commands/_printable.ts";
import { folderTest, toneWav } from "../data/folders.ts";
import { cli } from "./_command_line.ts";

const HOSTILE = "a\x1b[2J\x07\x9b31mb\u202ec\r\td";
const SHOWN = "a\\u001b[2J\\u0007\\u009b31mb\\u202ec\\u000d d";

Deno.test("printable() escapes what moves a terminal, and leaves lines and bold", () => {
  equal(printable(HOSTILE), SHOWN);
  equal(printable("\x1b[1mhead\x1b[22m\nü 你 🎧"), "\x1b[1mhead\x1b[22m\nü 你 🎧");
});

Deno.test("onOneLine() escapes line ends and bold too", () => {
  equal(onOneLine("a\nb\u2028c\x1b[1m"), "a\\nb\\u2028c\\u001b[1m");
});

Deno.test("table() keeps a name with a line end in its row", () => {
  equal(table(["Class"], [["yes\nno"]]).split("\n").length, 3);
});

folderTest("names of strangers' files are printed without control characters", async (dir) => {
  const missing = await cli(["predict", `${dir}/${HOSTILE}.wav`]);
  match(missing.stderr, /\\u001b\[2J\\u0007/);
  await Deno.mkdir(`${dir}/train/x\x1b[31m`, { recursive: true });
  await Deno.mkdir(`${dir}/train/y\nz`);
  for (const label of ["x\x1b[31m", "y\nz"]) {
    await Deno.writeFile(`${dir}/train/${label}/1.wav`, toneWav(0.5));
  }
  const inspected = await cli(["data", "inspect", dir]);
  match(inspected.stdout, /x\\u001b\[31m/);
  // deno-lint-ignore no-control-regex
  equal(/[\x00-\x09\x0b-\x1f\x7f]/.test(inspected.stdout + missing.stderr), false);
});
