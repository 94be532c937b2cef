import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { flagOf, inFlags } from "../../src/commands/_flags.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import { REFUSED_OPTIONS } from "../../src/train/options/_refused_options.ts";
import { TRAINING_OPTIONS } from "../../src/train/options/arguments.ts";

Deno.test("inFlags() writes options as they are typed", () => {
  const cases = [
    ['Use `backend: "wasm"`, or install a driver', "Use --backend wasm, or install a driver"],
    ["`gradientCheckpointing: true` or `loraRank: 8`", "--gradient-checkpointing or --lora-rank 8"],
    ["split with `stratify: false`", "split with --no-stratify"],
    ["below `outputDir`", "below --output"],
    ["go on with `resumeFromCheckpoint: true`", "go on with --resume"],
    [
      'Cannot use training argument "learningRate": expected a number, found "x"',
      'Cannot use argument "--learning-rate": expected a number, found "x"',
    ],
  ];
  for (const [text, expected] of cases) equal(inFlags(text!), expected);
});

/** All flags of all commands. */
async function flags(): Promise<Set<string>> {
  const commands = await Promise.all(Object.values(COMMANDS).map(({ load }) => load()));
  const names = commands.flatMap(({ command }) =>
    Object.keys({ ...command.options, ...command.others })
  );
  return new Set(names.flatMap((name) => [`--${name}`, `--no-${name}`]));
}

Deno.test("the library names options, never flags", async () => {
  const known = await flags();
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory && !["commands", "assembly"].includes(name)) await visit(path);
      if (!name.endsWith(".ts")) continue;
      const code = (await Deno.readTextFile(path)).replace(/\/\*[\s\S]*?\*\//g, "");
      const used = code.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [];
      found.push(...used.filter((flag) => known.has(flag)).map((flag) => `${path}: ${flag}`));
    }
  };
  await visit(join(import.meta.dirname!, "../../src"));
  deepEqual(found, []);
});

Deno.test("what the library puts into backquotes is an option of a command", async () => {
  const known = await flags();
  const texts = [
    ...REFUSED_OPTIONS.map(({ hint }) => hint),
    ...Object.values(TRAINING_OPTIONS).map(({ help }) => help),
  ];
  for (const [, name] of texts.join("\n").matchAll(/`([a-z]\w*)/gi)) {
    ok(known.has(flagOf(name!)), name);
  }
});
