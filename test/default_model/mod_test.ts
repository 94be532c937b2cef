import { deepEqual, equal } from "node:assert/strict";
import { BUNDLED_MODEL_FILES, bundledModelFiles } from "../../src/default_model/mod.ts";

for (const model of ["voice_menu", "backbone"] as const) {
  Deno.test(`bundledModelFiles() gives models/${model} to the byte`, async () => {
    const files = await bundledModelFiles(model);
    for (const name of BUNDLED_MODEL_FILES) {
      const source = (await files.open(name))!;
      const file = new URL(`../../models/${model}/${name}`, import.meta.url);
      const expected = await Deno.readFile(file);
      equal(source.name, `${model}/${name}`);
      equal(source.sizeBytes, expected.length, `${name}: run models/pack.ts`);
      deepEqual(await source.read(0, source.sizeBytes), expected);
    }
    equal(await files.open("README.md"), undefined);
  });
}
