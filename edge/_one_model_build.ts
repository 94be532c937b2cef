/**
 * Leaves out of a build what other models than the one beside it need: their architectures, and their extractors.
 *
 * Both are named in a table of a file of their own; what no line of a table names is not reached.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { OnLoadResult, PluginBuild } from "esbuild";

/** The model that is served. */
export interface BuiltModel {
  /** `model_type` of its `config.json`. */
  modelType: string;
  /** `feature_extractor_type` of its `preprocessor_config.json`. */
  extractorType: string;
}

/** A table of a source: its file, how it begins, and a line by what it is named. */
export interface Table {
  file: RegExp;
  begins: string;
  line: (name: string) => string;
}

/** Of `model_type`. */
export const ARCHITECTURES: Table = {
  file: /\/src\/models\/registry\.[jt]s$/,
  begins: "const ARCHITECTURES = [\n",
  line: (name) => `  ${name.replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase())},\n`,
};

/** Of `feature_extractor_type`. */
export const EXTRACTORS: Table = {
  file: /\/src\/features\/registry\.[jt]s$/,
  begins: "new Map<string, FromConfig>([\n",
  line: (name) => `  ["${name}", ${name}.fromConfig],\n`,
};

/** Keeps one line of each table. */
export function keepOneModel(
  build: PluginBuild,
  { modelType, extractorType }: BuiltModel,
  fetchText: (url: string) => Promise<string>,
): void {
  for (const [table, name] of [[ARCHITECTURES, modelType], [EXTRACTORS, extractorType]] as const) {
    build.onLoad({ filter: table.file, namespace: "file" }, async ({ path }) => {
      // Without the right to read it here it is whole: esbuild has rights of its own.
      const text = await readFile(path, "utf8").catch(() => undefined);
      return text === undefined ? undefined : shortened(table, name, text);
    });
    build.onLoad({ filter: table.file, namespace: "web" }, async ({ path }) => {
      return shortened(table, name, await fetchText(path));
    });
  }
}

/** The text with one line in its table; as it is where that cannot be found. */
export function shortened({ begins, line }: Table, name: string, text: string): OnLoadResult {
  const from = text.indexOf(begins) + begins.length;
  const to = text.indexOf("\n]", from) + 1;
  const isThere = from >= begins.length && text.slice(from, to).includes(line(name));
  const contents = isThere ? text.slice(0, from) + line(name) + text.slice(to) : text;
  return { contents, loader: "ts" };
}
