/**
 * A head in a directory of its own: `config.json`, which is that of the whole model and names its backbone, and
 * `head.safetensors` with the head's tensors under their hub names.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import type { JsonObject } from "../models/mod.ts";
import { type FileReader, nameIn } from "../weights/byte_source.ts";
import { readJsonFile } from "../weights/json_file.ts";
import { openSafetensors } from "../weights/safetensors.ts";
import { encodeSafetensors, type TensorToWrite } from "../weights/safetensors_writer.ts";
import type { TensorSource } from "../weights/tensor_source.ts";
import { type BackboneFacts, backboneFacts, withBackbone } from "./backbone.ts";

/** The file that makes a directory one of a head. */
export const HEAD_FILE = "head.safetensors";

/** A head's directory, open. */
export interface HeadDirectory {
  /** For messages. */
  file: string;
  json: JsonObject;
  backbone: BackboneFacts;
  /** Closed by the caller. */
  source: TensorSource;
}

/**
 * Opens a head's directory.
 *
 * @throws {CheckpointError} where there is none, it is broken, or does not say which backbone it is of.
 */
export async function openHead(files: FileReader): Promise<HeadDirectory> {
  const weights = await files.open(HEAD_FILE);
  const file = files.name ?? "head";
  if (!weights) {
    throw new CheckpointError(
      `Cannot load head "${file}": expected "${HEAD_FILE}", found none`,
      { file, hint: "`export` writes one with the option `headOnly`" },
    );
  }
  try {
    const json = await readJsonFile(files, "config.json");
    const backbone = backboneFacts(json);
    if (!backbone) {
      const config = nameIn(files, "config.json");
      throw new CheckpointError(
        `Cannot read field "earshot.backbone" of "${config}": expected a fingerprint, found none`,
        { file: config, key: "earshot.backbone" },
      );
    }
    return { file, json, backbone, source: await openSafetensors(weights) };
  } catch (error) {
    weights.close?.();
    throw error;
  }
}

/** A head that is in memory. */
export interface HeadToWrite {
  /** The `config.json` of the whole model. */
  json: JsonObject;
  backbone: BackboneFacts;
  tensors: readonly TensorToWrite[];
}

/** The files of a head's directory, the one that makes it a model last. */
export function headFiles(head: HeadToWrite): { name: string; bytes: Uint8Array }[] {
  const json = JSON.stringify(withBackbone(head.json, head.backbone), null, 2);
  return [
    { name: HEAD_FILE, bytes: encodeSafetensors(head.tensors) },
    { name: "config.json", bytes: new TextEncoder().encode(`${json}\n`) },
  ];
}
