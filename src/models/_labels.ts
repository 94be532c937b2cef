/**
 * The class names of a model, as `config.json` holds them.
 *
 * @module
 */
import type { ConfigReader, JsonObject } from "./_config_reader.ts";

const MAX_CLASSES = 100_000;

/**
 * The names by class number, from `id2label`, or from `num_labels` as "LABEL_0" and so on; two where there is
 * neither, as in the reference.
 *
 * @throws {CheckpointError} when the numbers do not run from 0 without a gap.
 */
export function labelsOf(reader: ConfigReader): string[] {
  const map = reader.json.id2label;
  if (map === undefined || map === null) return numberedLabels(reader);
  if (typeof map !== "object") reader.fail("id2label", "an object from class number to name");
  const entries = Object.entries(map as JsonObject);
  if (entries.length === 0 || entries.length > MAX_CLASSES) {
    reader.fail("id2label", `1 to ${MAX_CLASSES} classes`, entries.length);
  }
  const labels = new Array<string | undefined>(entries.length);
  for (const [id, name] of entries) {
    if (typeof name !== "string") reader.fail("id2label", `a name for class ${id}`, name);
    if (!/^(0|[1-9]\d*)$/.test(id) || Number(id) >= entries.length) {
      reader.fail("id2label", `class numbers 0 to ${entries.length - 1}`, id);
    }
    labels[Number(id)] = name as string;
  }
  return labels as string[];
}

function numberedLabels(reader: ConfigReader): string[] {
  const classes = reader.integer("num_labels", { or: 2, min: 1, max: MAX_CLASSES });
  return Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
}

/** The two label fields of a config for these names. */
export function labelFields(labels: readonly string[]): JsonObject {
  return {
    id2label: Object.fromEntries(labels.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(labels.map((name, i) => [name, i])),
  };
}
