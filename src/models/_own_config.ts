/**
 * What a config says under `"earshot"`, a key that transformers keeps and ignores.
 *
 * @module
 */
import type { JsonObject } from "./_config_reader.ts";

/** The content of the key. */
export function ownConfigOf({ earshot }: JsonObject): JsonObject {
  return typeof earshot === "object" && earshot !== null ? earshot as JsonObject : {};
}

/** Whether it says what scores mean. */
export function hasOwnScores(json: JsonObject): boolean {
  return ownConfigOf(json).scores !== undefined;
}

/** The config with what was fitted to the model's scores. */
export function withOwnScores(json: JsonObject, scores: JsonObject): JsonObject {
  return { ...json, earshot: { ...ownConfigOf(json), scores } };
}

/** The config of a model whose scores are others than those it was fitted to. */
export function withoutOwnScores(json: JsonObject): JsonObject {
  const { scores: _, ...others } = ownConfigOf(json);
  const { earshot: __, ...rest } = json;
  return Object.keys(others).length === 0 ? rest : { ...rest, earshot: others };
}
