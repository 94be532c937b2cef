/**
 * The errors a caller can act on, each with its facts as fields.
 *
 * A message reads `Cannot <do> <object> "<name>": expected <this>, found <that>`; what the user
 * can do about it goes into `hint`, which the command line prints on a line of its own. Wrong kinds
 * and wrong values of arguments stay plain `TypeError` and `RangeError`.
 *
 * @module
 */

/** What every error here can carry besides its message. */
export interface ErrorFacts {
  /** The error that led to this one. */
  cause?: unknown;
  /** What the user can do about it. */
  hint?: string;
}

/**
 * A tensor has another shape than the operation needs.
 *
 * @example
 * ```ts
 * import { ShapeError } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const error = new ShapeError("Cannot add: expected shape [2, 3], found [3, 2]");
 * equal(error instanceof RangeError && error.name, "ShapeError");
 * ```
 */
export class ShapeError extends RangeError {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "ShapeError";
}

/**
 * A device, a model or a layer lacks what is asked for.
 *
 * @example
 * ```ts
 * import { UnsupportedOpError } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const error = new UnsupportedOpError("Cannot use WebGPU: no adapter", { hint: "Use WASM" });
 * equal(error.hint, "Use WASM");
 * ```
 */
export class UnsupportedOpError extends TypeError {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "UnsupportedOpError";
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message what is not supported, and what is.
   * @param facts what a caller can act on.
   */
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.hint = facts.hint;
  }
}

/**
 * Bytes are not the audio that they claim to be, or audio that cannot be classified.
 *
 * @example
 * ```ts
 * import { AudioFormatError, pipeline } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * const classifier = await pipeline("audio-classification");
 * await rejects(classifier(new TextEncoder().encode("no audio at all")), AudioFormatError);
 * classifier.dispose();
 * ```
 */
export class AudioFormatError extends SyntaxError {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "AudioFormatError";
  /** The file, where one is known. */
  readonly file?: string;
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message what is wrong with the audio.
   * @param facts what a caller can act on.
   */
  constructor(message: string, facts: ErrorFacts & { file?: string } = {}) {
    super(message, { cause: facts.cause });
    this.file = facts.file;
    this.hint = facts.hint;
  }
}

/**
 * A file of a model directory is missing, broken or does not fit the model.
 *
 * @example
 * ```ts
 * import { AutoConfig, CheckpointError } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/config.json`, '{ "model_type": "bert" }');
 * const error = await AutoConfig.fromPretrained(folder).catch((error) => error);
 * equal(error instanceof CheckpointError && error.key, "model_type");
 * ```
 */
export class CheckpointError extends SyntaxError {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "CheckpointError";
  /** The file, where one is known. */
  readonly file?: string;
  /** The tensor or config field, where one is known. */
  readonly key?: string;
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message what is wrong with the checkpoint.
   * @param facts what a caller can act on.
   */
  constructor(message: string, facts: ErrorFacts & { file?: string; key?: string } = {}) {
    super(message, { cause: facts.cause });
    this.file = facts.file;
    this.key = facts.key;
    this.hint = facts.hint;
  }
}

/**
 * A data set cannot be used as it is: no files, one class, a label the model does not know.
 *
 * @example
 * ```ts
 * import { DatasetError, loadDataset } from "@earshot/earshot";
 * import { rejects } from "node:assert/strict";
 *
 * await rejects(loadDataset(await Deno.makeTempDir()), DatasetError);
 * ```
 */
export class DatasetError extends RangeError {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "DatasetError";
  /** The file or folder, where one is known. */
  readonly file?: string;
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message what is wrong with the data.
   * @param facts what a caller can act on.
   */
  constructor(message: string, facts: ErrorFacts & { file?: string } = {}) {
    super(message, { cause: facts.cause });
    this.file = facts.file;
    this.hint = facts.hint;
  }
}

/**
 * A file or folder cannot be read or written: not there, not allowed, the disk full.
 *
 * @example
 * ```ts
 * import { FileError, pipeline } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const classifier = await pipeline("audio-classification");
 * const error = await classifier("no/such/clip.wav").catch((error) => error);
 * equal(error instanceof FileError && error.code, "ENOENT");
 * classifier.dispose();
 * ```
 */
export class FileError extends Error {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "FileError";
  /** The file or folder. */
  readonly file: string;
  /** What the operating system calls the reason, such as "ENOENT", where it gave one. */
  readonly code?: string;
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message what could not be done, and why.
   * @param facts what a caller can act on.
   */
  constructor(message: string, facts: ErrorFacts & { file: string; code?: string }) {
    super(message, { cause: facts.cause });
    this.file = facts.file;
    this.code = facts.code;
    this.hint = facts.hint;
  }
}

/** What kept the hub from giving what was asked for. */
export type HubErrorReason =
  /** There is no such repository, or none that may be seen. */
  | "repository"
  /** The repository has no such branch, tag or commit. */
  | "revision"
  /** The repository has no such file. */
  | "file"
  /** The repository's owner has to grant access first. */
  | "gated"
  /** The token is missing or refused. */
  | "token"
  /** The token is good, and not for this. */
  | "forbidden"
  /** The hub asks to come back later, or is broken. */
  | "busy"
  /** Nothing answered, or the answer stopped. */
  | "unreachable"
  /** What arrived is not what the hub says it is. */
  | "damaged"
  /** Not in the cache, and nothing may be asked for. */
  | "offline"
  /** A name that no repository may have. */
  | "name"
  /** The hub did not accept the request, or answered in a way that is not known. */
  | "refused";

/**
 * Something on the Hugging Face hub cannot be read or written. It never holds a token.
 *
 * @example
 * ```ts
 * import { HubError, pipeline } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const cacheDirectory = await Deno.makeTempDir();
 * const error = await pipeline("audio-classification", "me/my-model", { offline: true, cacheDirectory })
 *   .catch((error) => error);
 * equal(error instanceof HubError && error.reason, "offline");
 * ```
 */
export class HubError extends Error {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "HubError";
  /** What kept the hub from giving what was asked for. */
  readonly reason: HubErrorReason;
  /** The id of the repository, where it is about one. */
  readonly repository?: string;
  /** The file in it, where it is about one. */
  readonly file?: string;
  /** The status of the hub's answer, where there was one. */
  readonly status?: number;
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message what could not be done, and why.
   * @param facts what a caller can act on.
   */
  constructor(
    message: string,
    facts: ErrorFacts & {
      reason: HubErrorReason;
      repository?: string;
      file?: string;
      status?: number;
    },
  ) {
    super(message, { cause: facts.cause });
    this.reason = facts.reason;
    this.repository = facts.repository;
    this.file = facts.file;
    this.status = facts.status;
    this.hint = facts.hint;
  }
}

/**
 * A device can no longer compute: lost, out of memory, or it refused what it was given.
 *
 * @example
 * ```ts
 * import { DeviceError } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const error = new DeviceError("Cannot go on: the GPU was lost", { reason: "lost" });
 * equal(error.reason, "lost");
 * ```
 */
export class DeviceError extends RangeError {
  /** Tells this kind of error apart, also across bundles. */
  override readonly name = "DeviceError";
  /** What ended it; `"refused"` is a fault of this package. */
  readonly reason: "lost" | "memory" | "refused";
  /** What the user can do about it. */
  readonly hint?: string;
  /**
   * Makes the error.
   *
   * @param message which device, and what happened to it.
   * @param facts what a caller can act on.
   */
  constructor(message: string, facts: ErrorFacts & { reason: DeviceError["reason"] }) {
    super(message, { cause: facts.cause });
    this.reason = facts.reason;
    this.hint = facts.hint;
  }
}
