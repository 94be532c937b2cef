/**
 * What a data set says of itself: the configurations and features in its card's metadata, or in an
 * older `dataset_infos.json`.
 *
 * @module
 */

import { DatasetError } from "../errors.ts";
import type { DataFile, DataFiles } from "./_data_files.ts";
import { type Features, featuresFromCard, featuresFromJson, isObject, listed } from "./features.ts";
import { system } from "../system/mod.ts";

/** One configuration: the patterns of its files by split. */
export interface DatasetConfig {
  name: string;
  /** Patterns by split; undefined where the files' names say it. */
  patterns?: Map<string, string[]>;
  /** The folder that the patterns are meant in. */
  folder?: string;
  isDefault: boolean;
}

/** What a data set says of itself. */
export interface DatasetCard {
  configs: DatasetConfig[];
  /** Features by configuration. */
  features: Map<string, Features>;
}

/** Largest card that is read. */
const MAX_CARD_BYTES = 2 ** 24;
/** Longest YAML in it, which takes a second or two. */
const MAX_FRONT_CHARS = 2 ** 20;

/**
 * Reads what a data set says of itself; nothing where it says nothing.
 *
 * @throws {DatasetError} where it cannot be understood.
 */
export async function readCard(files: DataFiles): Promise<DatasetCard> {
  const card: DatasetCard = { configs: [], features: new Map() };
  if (files.paths.includes("dataset_infos.json")) {
    const file = await files.file("dataset_infos.json");
    const infos = parsed(file, await textOf(file), JSON.parse);
    for (const [name, info] of Object.entries(isObject(infos) ? infos : {})) {
      if (!isObject(info) || !isObject(info.features)) continue;
      card.features.set(name, featuresFromJson(info.features, file.name));
    }
  }
  if (!files.paths.includes("README.md")) return card;
  const file = await files.file("README.md");
  const [, front] =
    (await textOf(file)).match(/^\uFEFF?---\r?\n([\s\S]*?)\r?\n---\s*(?:\r?\n|$)/) ?? [];
  if ((front?.length ?? 0) > MAX_FRONT_CHARS) {
    throw badCard(file.name, `at most ${MAX_FRONT_CHARS} characters of metadata`);
  }
  const { parse } = await import("yaml");
  // Looking for each key among all before it takes a time that grows with their square.
  const yaml = (text: string) => parse(text, { uniqueKeys: false, prettyErrors: false });
  const metadata = front === undefined ? {} : parsed(file, front, yaml);
  if (!isObject(metadata)) return card;
  card.configs = configsOf(metadata.configs, file.name);
  const infos = [metadata.dataset_info ?? []].flat();
  for (const info of infos) {
    if (!isObject(info) || info.features === undefined) continue;
    const name = nameFrom(info.config_name ?? "default", file.name, "a config_name");
    card.features.set(name, featuresFromCard(info.features, file.name));
  }
  return card;
}

async function textOf(file: DataFile): Promise<string> {
  const source = await file.open();
  try {
    const bytes = await source.read(0, Math.min(source.sizeBytes, MAX_CARD_BYTES));
    return new TextDecoder().decode(bytes);
  } finally {
    source[Symbol.dispose]();
  }
}

function parsed(file: DataFile, text: string, parser: (text: string) => unknown): unknown {
  try {
    return parser(text);
  } catch (cause) {
    if (cause instanceof system.errors.NotCapable) throw cause;
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    const message = `Cannot read "${file.name}": expected metadata, found none (${reason})`;
    throw new DatasetError(message, { cause, file: file.name });
  }
}

function configsOf(list: unknown, name: string): DatasetConfig[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw badCard(name, "a list under configs");
  return list.map((item: unknown) => {
    if (!isObject(item)) throw badCard(name, "a config_name");
    return {
      name: nameFrom(item.config_name, name, "a config_name"),
      patterns: item.data_files === undefined ? undefined : patternsOf(item.data_files, name),
      folder: typeof item.data_dir === "string" ? item.data_dir : undefined,
      isDefault: item.default === true,
    };
  });
}

/**
 * Patterns by split, of a pattern, a list of them, `{ split, path }` items or an object by split.
 *
 * @throws {DatasetError} where it is none of these.
 */
export function patternsOf(given: unknown, name: string): Map<string, string[]> {
  if (isObject(given)) {
    const splits = Object.entries(given).map(([split, path]) =>
      [split, texts(path, name)] as const
    );
    return new Map(splits);
  }
  const items = [given].flat();
  if (!items.every(isObject)) return new Map([["train", texts(given, name)]]);
  return new Map(
    items.map((item) => [nameFrom(item.split, name, "a split"), texts(item.path, name)]),
  );
}

/** YAML reads a name such as 2 or true as what it looks like. */
function nameFrom(value: unknown, file: string, expected: string): string {
  if (["string", "number", "boolean"].includes(typeof value)) return String(value);
  throw badCard(file, expected);
}

function texts(value: unknown, name: string): string[] {
  const list = [value].flat();
  if (list.every((item) => typeof item === "string")) return list;
  throw badCard(name, "patterns of files");
}

function badCard(name: string, expected: string): DatasetError {
  const message = `Cannot read "${name}": expected ${expected}, found something else`;
  return new DatasetError(message, { file: name });
}

/**
 * The configuration of a name, or the only or default one.
 *
 * @throws {DatasetError} listing the names where there is none of this name, or several to choose.
 */
export function chosenConfig<C extends Pick<DatasetConfig, "name" | "isDefault">>(
  configs: readonly C[],
  name: string | undefined,
  dataset: string,
): C {
  const names = listed(configs.map((config) => config.name));
  if (name !== undefined) {
    const named = configs.find((config) => config.name === name);
    if (named) return named;
    throw new DatasetError(
      `Cannot load data set "${dataset}": expected configuration ${names}, found no "${name}"`,
    );
  }
  const [only, ...others] = configs;
  const chosen = others.length === 0
    ? only
    : configs.find((config) => config.isDefault) ?? configs.find(({ name }) => name === "default");
  if (chosen) return chosen;
  throw new DatasetError(
    `Cannot load data set "${dataset}": expected the name of a configuration, found none`,
    { hint: `Name one of ${names}` },
  );
}
