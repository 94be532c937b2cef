/**
 * Which backbone a head belongs to, by the fingerprint of its weights.
 *
 * It is of the weights that answers come from, under their hub names and as 32-bit numbers: a bare encoder, a copy in
 * 16 bits that holds the same numbers, and a fine-tuned model whose base was frozen have one fingerprint. An exported
 * model has that of the weights that it was exported from, in its config.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import type { InferenceModel, JsonObject } from "../models/mod.ts";
import { type FingerprintSource, weightsFingerprint } from "../weights/fingerprint.ts";
import type { TensorSource } from "../weights/tensor_source.ts";

/** What a config says of a backbone, under `earshot.backbone`. */
export interface BackboneFacts {
  /** 64 hexadecimal digits. */
  fingerprint: string;
  /** The directory or the id on the hub by which it was named. */
  name?: string;
}

/** What training alone uses, so that a checkpoint may lack it. */
const OF_TRAINING = /\.(masked_spec_embed|num_batches_tracked)$/;

/**
 * The fingerprint of a model's backbone.
 *
 * @param source the weights that it was loaded from; with `hash` those that were hashed then are not read again.
 * @param json its own `config.json`.
 * @throws {CheckpointError} where an exported model has none, or a tensor cannot be read.
 */
export async function fingerprintOf(
  model: InferenceModel,
  source: TensorSource & Pick<FingerprintSource, "hash">,
  json: JsonObject,
): Promise<string> {
  if (source.exported !== undefined) return exportedFingerprint(json, source.file);
  const names = model.checkpointNames;
  const isOfBase = (name: string) => model.isOfBase(name) && !OF_TRAINING.test(name);
  return await weightsFingerprint({
    names: () => names.keys(),
    shape: (name) => source.shape(names.get(name)!),
    dtype: () => "F32",
    read: (name) => source.read(names.get(name)!),
    hash: (name) => source.hash?.(names.get(name)!),
  }, isOfBase);
}

function exportedFingerprint(json: JsonObject, file: string): string {
  const facts = backboneFacts(json);
  if (facts) return facts.fingerprint;
  throw new CheckpointError(
    `Cannot tell the backbone of "${file}": expected a fingerprint in its config, found none`,
    { file, hint: "Export the model again" },
  );
}

/** What a config says of its backbone; undefined where it says nothing, or nothing that could be one. */
export function backboneFacts({ earshot }: JsonObject): BackboneFacts | undefined {
  const { backbone } = (earshot ?? {}) as { backbone?: Partial<BackboneFacts> };
  const { fingerprint, name } = backbone ?? {};
  if (typeof fingerprint !== "string" || !/^[0-9a-f]{64}$/.test(fingerprint)) return undefined;
  return { fingerprint, ...typeof name === "string" && name !== "" && { name } };
}

/** A config that says which backbone it is of. */
export function withBackbone(json: JsonObject, backbone: BackboneFacts): JsonObject {
  return { ...json, earshot: { ...json.earshot as object, backbone } };
}

/**
 * Refuses a head of another backbone, or of another version of it.
 *
 * @throws {CheckpointError} naming both.
 */
export function expectBackbone(
  head: { file: string; backbone: BackboneFacts },
  found: { file: string; fingerprint: string },
): void {
  const { file, backbone: { fingerprint, name } } = head;
  if (fingerprint === found.fingerprint) return;
  const short = (print: string) => print.slice(0, 12);
  throw new CheckpointError(
    `Cannot use head "${file}" on "${found.file}": expected a backbone of fingerprint ` +
      `${short(fingerprint)}, found ${short(found.fingerprint)}`,
    {
      file,
      hint: name
        ? `It was made for "${name}", as that was then`
        : "Name the model that it was made for, in the version of then",
    },
  );
}
