/**
 * The files of a model whose backbone lies elsewhere.
 *
 * @module
 */
import type { FileReader } from "../weights/byte_source.ts";

/** A directory that is laid over that of its backbone. */
export interface LayeredFiles extends FileReader {
  /** What lies above: a head. */
  readonly above: FileReader;
  readonly backbone: FileReader;
}

/** The files of both; what is in `above` hides what has its name below. */
export function layeredFiles(above: FileReader, backbone: FileReader): LayeredFiles {
  const open = async (name: string) => await above.open(name) ?? await backbone.open(name);
  return { name: above.name, above, backbone, open };
}

/** Whether files are those of two directories. */
export function isLayered(files: FileReader): files is LayeredFiles {
  return "backbone" in files && "above" in files;
}
