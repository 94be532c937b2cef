/**
 * The class names of a model, as `config.json` holds them.
 *
 * @module
 */
import { ConfigReader, type JsonObject } from "./_config_reader.ts";

const MAX_CLASSES = 100_000;
/** Classes of taggers whose config names none. */
const AUDIO_SET_CLASSES = 527;
/** What taggers call the number of their classes. */
const OWN_COUNTS: Readonly<Record<string, string>> = {
  ced: "outputdim",
  efficientat: "num_classes",
};

/**
 * The names by class number, from `id2label`, or from `num_labels` (CED's `outputdim`, EfficientAT's `num_classes`) as "LABEL_0" and so on; two
 * where there is neither.
 *
 * As in the reference, there are as many classes as names, whatever their numbers, and `num_labels` outweighs names of
 * another count. A class without a name is "LABEL_" and its number, where the reference fails once it is the answer.
 *
 * @throws {CheckpointError} when a class has no whole number, or one that another has.
 */
export function labelsOf(reader: ConfigReader): string[] {
  const map = reader.json.id2label;
  if (map === undefined || map === null) return numberedLabels(reader);
  if (typeof map !== "object") reader.fail("id2label", "an object from class number to name");
  const entries = Object.entries(map as JsonObject);
  if (entries.length === 0 || entries.length > MAX_CLASSES) {
    reader.fail("id2label", `1 to ${MAX_CLASSES} classes`, entries.length);
  }
  const names = new Map<number, string>();
  for (const [id, name] of entries) {
    if (typeof name !== "string" && typeof name !== "number") {
      reader.fail("id2label", `a name for class ${id}`, name);
    }
    if (!/^\d+$/.test(id) || names.has(Number(id))) {
      reader.fail("id2label", "whole numbers, each once", id);
    }
    names.set(Number(id), String(name));
  }
  if (reader.has("num_labels") && reader.json.num_labels !== names.size) {
    return numberedLabels(reader);
  }
  return Array.from(entries, (_, i) => names.get(i) ?? numbered(i));
}

/**
 * The names by class number in a `config.json`.
 *
 * @param file what messages call it.
 * @throws {CheckpointError} when a class has no whole number, or one that another has.
 */
export function labelsInConfig(config: JsonObject, file: string): string[] {
  return labelsOf(new ConfigReader(config, file));
}

function numberedLabels(reader: ConfigReader): string[] {
  const { model_type: type } = reader.json;
  const own = typeof type !== "string" || reader.has("num_labels") ? undefined : OWN_COUNTS[type];
  const limits = { or: own ? AUDIO_SET_CLASSES : 2, min: 1, max: MAX_CLASSES };
  const classes = reader.integer(own ?? "num_labels", limits);
  return Array.from({ length: classes }, (_, i) => numbered(i));
}

function numbered(classNumber: number): string {
  return `LABEL_${classNumber}`;
}

/** The two label fields of a config for these names. */
export function labelFields(labels: readonly string[]): JsonObject {
  return {
    id2label: Object.fromEntries(labels.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(labels.map((name, i) => [name, i])),
  };
}
