import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigReader, type JsonObject } from "../../src/models/_config_reader.ts";
import { architectureOf } from "../../src/models/registry.ts";
import { GOLDEN_DIR } from "../golden_cases.ts";
import { readJson } from "../kit.ts";

const DEFAULTS = await readJson<Record<string, JsonObject>>(join(GOLDEN_DIR, "defaults.json"));

for (const [modelType, fields] of Object.entries(DEFAULTS)) {
  Deno.test(`${modelType} takes the reference's values where its config is silent`, () => {
    const parse = (json: JsonObject) =>
      architectureOf(modelType, "config.json").parseConfig(
        new ConfigReader(json, "config.json"),
        2,
      );
    assert.deepEqual(parse({ model_type: modelType }), parse(fields));
  });
}
