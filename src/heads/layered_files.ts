/**
 * The files of a model whose weights lie in several directories: a head or low-rank changes, and what they are of.
 *
 * @module
 */
import type { JsonObject } from "../models/mod.ts";
import { bytesSource, type FileReader } from "../weights/byte_source.ts";

/** A directory that is laid over that of its backbone. */
export interface LayeredFiles extends FileReader {
  /** What lies above. */
  readonly above: FileReader;
  /** What it is: a head, or an adapter in peft's format. */
  readonly kind: "head" | "adapter";
  readonly backbone: FileReader;
}

/** The files of both; what is in `above` hides what has its name below. */
export function layeredFiles(
  above: FileReader,
  backbone: FileReader,
  kind: LayeredFiles["kind"] = "head",
): LayeredFiles {
  const open = async (name: string) => await above.open(name) ?? await backbone.open(name);
  return { name: above.name, above, kind, backbone, open };
}

/** The same with another `config.json`. */
export function withConfig(files: LayeredFiles, json: JsonObject): LayeredFiles {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return {
    ...files,
    open: (name) => {
      if (name !== "config.json") return files.open(name);
      return Promise.resolve(bytesSource(`${files.name ?? "adapter"}/config.json`, bytes));
    },
  };
}

/** Whether files are those of two directories. */
export function isLayered(files: FileReader): files is LayeredFiles {
  return "backbone" in files && "above" in files;
}
