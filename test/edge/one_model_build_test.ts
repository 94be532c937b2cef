/**
 * What a bundle leaves out of the tables of models.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";
import { ARCHITECTURES, EXTRACTORS, shortened } from "../../edge/_one_model_build.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";

Deno.test("shortened() finds every architecture in the table, and keeps it alone", async () => {
  const text = await Deno.readTextFile("src/models/registry.ts");
  const types = Object.values(TINY_ARCHITECTURES).map(({ config }) => String(config.model_type));
  ok(types.length > 5);
  for (const type of types) {
    const { contents } = shortened(ARCHITECTURES, type, text);
    const [, table] = /const ARCHITECTURES = \[\n([^\]]*)\]/.exec(String(contents))!;
    equal(table, ARCHITECTURES.line(type), type);
  }
  equal(shortened(ARCHITECTURES, "unknown", text).contents, text);
});

Deno.test("shortened() finds every extractor in the table", async () => {
  const text = await Deno.readTextFile("src/features/registry.ts");
  const names = Array.from(text.matchAll(/\["(\w+)", \w+\.fromConfig\]/g), ([, name]) => name!);
  ok(names.length > 3);
  for (const name of names) {
    const { contents } = shortened(EXTRACTORS, name, text);
    equal(String(contents).match(/\.fromConfig\]/g)?.length, 1, name);
  }
});
