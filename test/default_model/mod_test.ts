import { deepEqual, equal } from "node:assert/strict";
import { DEFAULT_MODEL_FILES, defaultModelFiles } from "../../src/default_model/mod.ts";

const VOICE_MENU = new URL("../../models/voice_menu/", import.meta.url);

Deno.test("defaultModelFiles() gives models/voice_menu to the byte", async () => {
  const files = await defaultModelFiles();
  for (const name of DEFAULT_MODEL_FILES) {
    const source = (await files.open(name))!;
    const expected = await Deno.readFile(new URL(name, VOICE_MENU));
    equal(source.name, `voice_menu/${name}`);
    equal(source.sizeBytes, expected.length, `${name}: run models/pack.ts`);
    deepEqual(await source.read(0, source.sizeBytes), expected);
  }
  equal(await files.open("README.md"), undefined);
});
