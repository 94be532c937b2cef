/**
 * `docs/guide.md` as its reader would run it: all of its TypeScript in one file, from top to bottom, checked by the
 * compiler, against a hub on loopback with stand-ins under the guide's names.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { startHub, type TestHub, TOKEN } from "../hub/hub.ts";
import { addStandIns, INTENTS } from "./stand_ins.ts";

const ROOT = join(import.meta.dirname!, "..", "..");

/** The content of a page's blocks in one language, in order. */
function blocksOf(page: string, language: string): string[] {
  const blocks = page.matchAll(/^```(\w+)[^\n]*\n(.*?)^```$/gms);
  return Array.from(blocks).filter(([, tag]) => tag === language).map(([, , code]) => code!);
}

/** Runs a program in a folder of its own, and gives what it printed. */
async function run(program: string, hub: TestHub, folder: string): Promise<string> {
  await Deno.writeTextFile(`${folder}/guide.ts`, program);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--check", "--config", join(ROOT, "deno.json"), "guide.ts"],
    cwd: folder,
    env: { HF_ENDPOINT: hub.url, HF_HOME: `${folder}/cache`, HF_TOKEN: TOKEN, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const printed = decoder.decode(stdout);
  equal(code, 0, `the guide failed:\n${printed}${decoder.decode(stderr)}`);
  return printed;
}

Deno.test("docs/guide.md runs from top to bottom", async () => {
  await using hub = startHub();
  await addStandIns(hub);
  const page = await Deno.readTextFile(join(ROOT, "docs", "guide.md"));
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const printed = await run(blocksOf(page, "ts").join("\n"), hub, folder);
    match(printed, /^DatasetDict\(\{\n {4}train: Dataset\(\{\n/m);
    match(printed, /^\d+ samples at 8000 Hz: \w+$/m);
    match(printed, /^\[ "label", "input_values" \]$/m);
    match(
      printed,
      /^New: projector\.weight, projector\.bias, classifier\.weight, classifier\.bias$/m,
    );
    const logged = Array.from(printed.matchAll(/^\{".*\}$/gm), ([line]) => JSON.parse(line));
    const epochs = logged.filter(({ eval_accuracy }) => eval_accuracy >= 0)
      .map(({ epoch }) => epoch);
    deepEqual(epochs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const [, predicted, expected] = printed.match(/^(\w+) expected: (\w+)$/m)!;
    ok(INTENTS.includes(expected!));
    equal(predicted, expected);
    const pushed = hub.repository("acme/caller-intents")!.resolve("main")!.files;
    for (const name of ["config.json", "preprocessor_config.json", "model.safetensors"]) {
      ok(pushed.has(name), `${name} was not pushed`);
    }
    const card = new TextDecoder().decode(pushed.get("README.md")?.bytes);
    match(card, /^base_model: facebook\/wav2vec2-base$/m);
    match(card, /^ *- PolyAI\/minds14$/m);
    ok(!printed.includes(TOKEN) && !card.includes(TOKEN));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
