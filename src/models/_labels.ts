/**
 * The class names of a model, as `config.json` holds them.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import type { JsonObject } from "./_config_reader.ts";

const MAX_CLASSES = 100_000;

/**
 * The names by class number, from `id2label`, or from `num_labels` as "LABEL_0" and so on; two where there is
 * neither, as in the reference.
 *
 * @throws {CheckpointError} when the numbers do not run from 0 without a gap.
 */
export function labelsOf(json: JsonObject, file: string): string[] {
  const map = json.id2label;
  if (map === undefined || map === null) return numberedLabels(json.num_labels, file);
  if (typeof map !== "object") fail(file, "an object from class number to name", map);
  const entries = Object.entries(map as JsonObject);
  if (entries.length === 0 || entries.length > MAX_CLASSES) {
    fail(file, `1 to ${MAX_CLASSES} classes`, entries.length);
  }
  const labels = new Array<string | undefined>(entries.length);
  for (const [id, name] of entries) {
    if (typeof name !== "string") fail(file, `a name for class ${id}`, name);
    if (!/^(0|[1-9]\d*)$/.test(id) || Number(id) >= entries.length) {
      fail(file, `class numbers 0 to ${entries.length - 1}`, id);
    }
    labels[Number(id)] = name as string;
  }
  return labels as string[];
}

function numberedLabels(count: unknown, file: string): string[] {
  const classes = count ?? 2;
  const good = Number.isInteger(classes) && classes as number >= 1 &&
    classes as number <= MAX_CLASSES;
  if (!good) fail(file, `1 to ${MAX_CLASSES} classes`, classes, "num_labels");
  return Array.from({ length: classes as number }, (_, i) => `LABEL_${i}`);
}

function fail(file: string, expected: string, found: unknown, key = "id2label"): never {
  const shown = JSON.stringify(found)?.slice(0, 80);
  throw new CheckpointError(
    `Cannot read field "${key}" of "${file}": expected ${expected}, found ${shown}`,
    { file, key },
  );
}

/** The two label fields of a config for these names. */
export function labelFields(labels: readonly string[]): JsonObject {
  return {
    id2label: Object.fromEntries(labels.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(labels.map((name, i) => [name, i])),
  };
}
